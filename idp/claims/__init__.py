"""Claims: what is said about a person to a partner, and why.

A partner's release list says which attributes it gets. Rules that transform claims come
between the attributes and the release, with the same trace.
"""

from idp.claims.names import canonical
from idp.claims.release import DEFAULT_RELEASE, Released, TraceLine, missing, release, values
from idp.claims.scopes import scope_of

__all__ = [
    "DEFAULT_RELEASE",
    "Released",
    "TraceLine",
    "canonical",
    "missing",
    "release",
    "scope_of",
    "values",
]

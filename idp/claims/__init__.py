"""Claims: what is said about a person to a partner, and why."""

from idp.claims.release import DEFAULT_RELEASE, Released, TraceLine, release

__all__ = ["DEFAULT_RELEASE", "Released", "TraceLine", "release"]

"""Sessions: kept proofs and their participants, grants and tokens, devices, stored subjects."""

from idp.sessions.consents import Consent, Consents
from idp.sessions.devices import Devices, Trusted
from idp.sessions.families import Families
from idp.sessions.grants import Grants
from idp.sessions.opened import Opened, opened
from idp.sessions.sessions import Lifetimes, Session, Sessions
from idp.sessions.subjects import Subjects
from idp.sessions.tokens import Token, Tokens

__all__ = [
    "Consent",
    "Consents",
    "Devices",
    "Families",
    "Grants",
    "Lifetimes",
    "Opened",
    "Session",
    "Sessions",
    "Subjects",
    "Token",
    "Tokens",
    "Trusted",
    "opened",
]

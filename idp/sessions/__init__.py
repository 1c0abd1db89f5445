"""Sessions: kept proofs and their participants, grants and tokens, devices, stored subjects."""

from idp.sessions.devices import Devices
from idp.sessions.grants import Grants
from idp.sessions.sessions import Lifetimes, Session, Sessions
from idp.sessions.subjects import Subjects

__all__ = ["Devices", "Grants", "Lifetimes", "Session", "Sessions", "Subjects"]

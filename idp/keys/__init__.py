"""Keys: issuers, signing keys and the sealing of secrets at rest under one master key."""

from idp.keys.fit import check_master, remember_master
from idp.keys.issuers import Issuers
from idp.keys.make import ALGORITHMS
from idp.keys.master import MasterKey
from idp.keys.ring import KeyRing, KeyState, PublicKey
from idp.keys.seal import Sealer

__all__ = [
    "ALGORITHMS",
    "Issuers",
    "KeyRing",
    "KeyState",
    "MasterKey",
    "PublicKey",
    "Sealer",
    "check_master",
    "remember_master",
]

"""Keys: issuers, signing keys and the sealing of secrets at rest under one master key."""

from idp.keys.fit import check_master, remember_master, renew_master
from idp.keys.issuers import Issuers
from idp.keys.make import ALGORITHMS
from idp.keys.master import MasterKey, MasterKeys, Masters
from idp.keys.master_file import LOOK_EVERY, MasterChange, MasterFile
from idp.keys.reseal import Resealed, reseal
from idp.keys.ring import KEY_SET_KEPT, METADATA_KEPT, KeyRing, KeyState, PublicKey
from idp.keys.seal import Sealer
from idp.keys.vapid import VapidKey

__all__ = [
    "ALGORITHMS",
    "KEY_SET_KEPT",
    "LOOK_EVERY",
    "METADATA_KEPT",
    "Issuers",
    "KeyRing",
    "KeyState",
    "MasterChange",
    "MasterFile",
    "MasterKey",
    "MasterKeys",
    "Masters",
    "PublicKey",
    "Resealed",
    "Sealer",
    "VapidKey",
    "check_master",
    "remember_master",
    "renew_master",
    "reseal",
]

"""The factors in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from idp.core.ports import Enroller, OutOfBand
from idp.factors.access_pass import AccessPass
from idp.factors.call import Call
from idp.factors.passkey import Passkey
from idp.factors.password import Password
from idp.factors.push import Push
from idp.factors.recovery import Recovery
from idp.factors.sms import Sms
from idp.factors.tools import Tools
from idp.factors.totp import Totp
from idp.policy.model import Worths
from idp.signin.judge import Factors

# A new factor is its file in factors/, its folder of templates, and its name here. In this order they
# are asked for and proposed: the safer first. Who was given a pass is to use it; recovery codes are
# the last resort.
FACTORS = (Password, AccessPass, Passkey, Push, Totp, Sms, Call, Recovery)
WORTHS: Worths = {factor.name: factor.worth for factor in FACTORS}


@runtime_checkable
class Publishing(Protocol):
    """A factor with documents for /.well-known/, by name."""

    @property
    def documents(self) -> Mapping[str, Callable[[], object]]:
        """Return what makes each document."""


def documents_of(factors: Factors) -> Mapping[str, Callable[[], object]]:
    """Return what all factors publish."""
    publishing = (factor for factor in factors.provers.values() if isinstance(factor, Publishing))
    return {name: make for factor in publishing for name, make in factor.documents.items()}


def build_factors(tools: Tools) -> Factors:
    """Build all factors."""
    provers = {factor.name: factor.of(tools) for factor in FACTORS}
    enrollers = {name: factor for name, factor in provers.items() if isinstance(factor, Enroller)}
    waited = {name: factor for name, factor in provers.items() if isinstance(factor, OutOfBand)}
    return Factors(provers=provers, enrollers=enrollers, waited=waited, worths=WORTHS)

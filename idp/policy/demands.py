"""Say what the rules demand of a person at every application, from wherever they come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from idp.core.model import Partner, Person, SignInRequest, Strength
from idp.policy.decide import decide
from idp.policy.model import Facts, Rule

_REQUEST = SignInRequest(door="", issuer="", partner="", reply_to="")
_PARTNER = Partner(id="", door="", identifier="", name="", issuer="")


def demanded(rules: Sequence[Rule], person: Person, *, now: datetime) -> tuple[Strength, tuple[Rule, ...]]:
    """Return the strength and the rules that name one; none of them: it is the default.

    Rules about single applications, networks and ages are left out: they may demand more, or less.
    """
    general = {rule.id: rule for rule in rules if not _is_particular(rule)}
    facts = Facts(
        request=_REQUEST,
        partner=_PARTNER,
        person=person,
        proofs=(),
        offers=(),
        enrollable=(),
        confirmed=(),
        address="",
        started_at=now,
        now=now,
        worths={},
    )
    decision = decide(tuple(general.values()), facts)
    applied = (general[rule] for rule in decision.rules)
    return decision.required, tuple(rule for rule in applied if rule.controls.strength is not None)


def _is_particular(rule: Rule) -> bool:
    conditions = rule.conditions
    return bool(conditions.partners or conditions.networks) or conditions.older_than is not None

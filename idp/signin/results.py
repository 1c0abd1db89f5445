"""Say what came of a sign-in, in the record's own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from idp.core.errors import Reason
from idp.core.model import Strength
from idp.core.result import Result
from idp.policy.model import Ask, Rule
from idp.signin.judge import Judged

_DENIALS: Mapping[Reason, Result] = {
    Reason.LOGIN_REQUIRED: Result.PAGE_NEEDED,
    Reason.INTERACTION_REQUIRED: Result.PAGE_NEEDED,
    Reason.CONSENT_REQUIRED: Result.PAGE_NEEDED,
    Reason.ACCESS: Result.RULE,
    Reason.CONTEXT: Result.NOT_ENOUGH,
    Reason.NO_METHOD: Result.NO_METHOD,
    Reason.PERSON_DISABLED: Result.PERSON_DISABLED,
    Reason.BLOCKED: Result.PERSON_BLOCKED,
    Reason.OTHER_PERSON: Result.OTHER_PERSON,
    Reason.SUBJECT: Result.MISCONFIGURATION,
    Reason.UNPROTECTED: Result.MISCONFIGURATION,
    Reason.CANCELLED: Result.CANCELLED,
    Reason.TOO_MANY_ATTEMPTS: Result.TOO_MANY_TRIES,
}


def of_denial(reason: Reason) -> Result:
    """Return the result of a sign-in that was denied."""
    return _DENIALS[reason]


def of_issue(judged: Judged) -> Result:
    """Return how a sign-in was satisfied that ends with an answer to the partner."""
    decision, started_at = judged.decision, judged.sign_in.started_at
    if all(proof.at < started_at for proof in decision.counted):
        return Result.BY_SESSION
    if any(proof.remembered for proof in decision.counted):
        return Result.REMEMBERED
    if decision.required is Strength.ONE and decision.reached is Strength.ONE:
        return Result.NOT_NEEDED
    return Result.COMPLETED


def too_old_by(judged: Judged, rules: Iterable[Rule]) -> tuple[str, ...]:
    """Return what has the person asked again for what the session had proved: "max_age", ids of rules.

    None when nothing of it was too old.
    """
    sign_in, decision = judged.sign_in, judged.decision
    if not sign_in.session or not isinstance(decision.verdict, Ask):
        return ()
    counted = {(proof.factor, proof.method) for proof in decision.counted}
    ages = [
        (sign_in.started_at - proof.at).total_seconds()
        for proof in sign_in.proofs
        if (proof.factor, proof.method) not in counted
    ]
    oldest, max_age = max(ages, default=0.0), sign_in.request.max_age
    by = ["max_age"] if max_age is not None and oldest > max_age else []
    return (*by, *(rule.id for rule in rules if rule.id in decision.rules and _ages(rule, oldest)))


def _ages(rule: Rule, oldest: float) -> bool:
    fresh = rule.controls.fresh_within
    return rule.conditions.older_than is not None or (fresh is not None and oldest > fresh)

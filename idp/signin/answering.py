"""What of a sign-in an answer is to, and what policy still offers: read from a judgement."""

from __future__ import annotations

from collections.abc import Mapping

from idp.core.model import Asked, Enrolment, SignInRequest
from idp.policy.model import Ask, Register
from idp.sessions import Session
from idp.signin.judge import Judged


def usable(session: Session | None, request: SignInRequest) -> bool:
    """Say whether a session's proofs may be used for a request at all."""
    anew = request.force or request.reset
    return session is not None and not anew and request.expected_person in ("", session.person)


def answered(judged: Judged, answer: Mapping[str, str]) -> Asked | None:
    """Return which of what was asked, and is still offered, an answer is to; None for nothing else."""
    given, sign_in = (answer.get("factor", ""), answer.get("method", "")), judged.sign_in
    open_now = (one for one in (sign_in.asked, *sign_in.beside) if still_offered(judged, one))
    return next((one for one in open_now if one and (one.factor, one.method) == given), None)


def factors_offered(judged: Judged) -> tuple[str, ...]:
    """Return the factors that policy offers, each once, the best first."""
    verdict = judged.decision.verdict
    offers = verdict.offers if isinstance(verdict, Ask) else ()
    return tuple(dict.fromkeys(offer.factor for offer in offers))


def still_offered(judged: Judged, asked: Asked | None) -> bool:
    """Say whether what was asked is still among what policy offers."""
    verdict = judged.decision.verdict
    if asked is None or not isinstance(verdict, Ask):
        return False
    return any((o.factor, o.method) == (asked.factor, asked.method) for o in verdict.offers)


def draft_of(judged: Judged, factor: str) -> Enrolment | None:
    """Return the draft being set up, if it is of this factor and policy still asks for it."""
    verdict, draft = judged.decision.verdict, judged.sign_in.enrolment
    if draft is None or not isinstance(verdict, Register):
        return None
    return draft if draft.factor == factor and factor in verdict.factors else None

"""What one step of the flow hands to the page: a page to show or a reply, and new cookies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from idp.core.errors import Denied, Reason
from idp.core.model import Partner, Person, Reply, SignIn, SignInRequest
from idp.policy.model import Decision, Deny
from idp.signin.issue import Issued
from idp.signin.judge import Judged

# The person can do something about these, or should at least read why: they come on our own
# page first. The others are questions between the partner and us.
_OWN_PAGE = {
    Reason.ACCESS: "You don't have access to this application.",
    Reason.NO_METHOD: "You have no way to confirm your sign-in that is allowed here.",
    Reason.PERSON_DISABLED: "Your account is switched off.",
    Reason.BLOCKED: "Your account is blocked, since somebody else may have tried to use it.",
    Reason.TOO_MANY_ATTEMPTS: "There were too many wrong tries.",
}
# For who forgot the password.
_NO_RESET = {
    Reason.ACCESS: "You can’t choose a new password yourself.",
    Reason.NO_METHOD: "To choose a new password yourself, you need two other ways to sign in, "
    "of different kinds, set up more than a day ago.",
}
_PARTNER = {
    Reason.LOGIN_REQUIRED: "A sign-in is needed.",
    Reason.INTERACTION_REQUIRED: "The person must answer a question first.",
    Reason.CONSENT_REQUIRED: "The person must agree first.",
    Reason.CONTEXT: "The requested kind of sign-in is not available for this person.",
    Reason.OTHER_PERSON: "Another person signed in than the one asked for.",
    Reason.SUBJECT: "The person has no identifier of the requested form.",
    Reason.CANCELLED: "The sign-in was cancelled.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where a sign-in stands after a step.

    With a reply the browser leaves for the partner; otherwise the page of the decision's
    verdict is shown, or of denied when that is set; problem says why nothing could be asked for.
    browser, session and device are new cookie
    secrets, None to leave the cookie as it is; session_ends is set for a session that
    outlives the browser window.
    """

    sign_in: SignIn
    partner: Partner
    person: Person | None
    decision: Decision
    denied: Denied | None = None
    problem: str = ""
    reply: Reply | None = None
    browser: str | None = None
    session: str | None = None
    session_ends: datetime | None = None
    device: str | None = None


def page(judged: Judged, denied: Denied | None = None) -> Step:
    """Return the step that shows a page."""
    return Step(
        sign_in=judged.sign_in,
        partner=judged.partner,
        person=judged.person,
        decision=judged.decision,
        denied=denied,
    )


def finished(judged: Judged, issued: Issued) -> Step:
    """Return the step that leaves for the partner with what was issued."""
    return Step(
        sign_in=judged.sign_in,
        partner=judged.partner,
        person=judged.person,
        decision=judged.decision,
        reply=issued.reply,
        session=issued.session,
        session_ends=issued.session_ends,
        device=issued.device,
    )


def denied_of(deny: Deny, sign_in: SignIn) -> Denied:
    """Return a verdict's denial as the error that pages show and doors answer.

    Its reference is that of the same denial shown before, if it was.
    """
    texts = _OWN_PAGE | _PARTNER | (_NO_RESET if sign_in.request.reset else {})
    denied = Denied(texts[deny.reason], reason=deny.reason, rule=deny.rule)
    denied.reference = sign_in.denied or denied.reference
    return denied


def said_by_partner(request: SignInRequest, denied: Denied) -> bool:
    """Say whether a denial is answered at once instead of being shown on our own page first."""
    return request.silent or denied.reason not in _OWN_PAGE

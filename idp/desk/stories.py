"""Tell what the record holds of one sign-in in plain words, verdict by verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from idp.audit import Event, Recorded, Result
from idp.core.errors import Reason
from idp.desk.records import Told

_NAMES = {
    "password": "password",
    "passkey": "passkey",
    "push": "answer of the phone app",
    "call": "answer to the phone call",
    "totp": "code from the authenticator app",
    "sms": "code in a text message",
    "recovery": "recovery code",
    "pass": "temporary access pass",
}
_METHODS = {
    "passkey": "a passkey",
    "push": "the phone app",
    "call": "a phone for calls",
    "totp": "an authenticator app",
    "sms": "a phone",
    "recovery": "recovery codes",
}
_WHY: Mapping[str, str] = {
    Reason.LOGIN_REQUIRED: "a sign-in was needed, and the application asked for none to be shown",
    Reason.INTERACTION_REQUIRED: "a page was needed, and the application asked for none to be shown",
    Reason.CONSENT_REQUIRED: "consent was needed, and the application asked for no page to be shown",
    Reason.ACCESS: "a rule says no",
    Reason.CONTEXT: "the application asks for more than the person can show",
    Reason.NO_METHOD: "the person has no second factor that the rules accept",
    Reason.PERSON_DISABLED: "the person is switched off",
    Reason.BLOCKED: "the person is blocked",
    Reason.OTHER_PERSON: "the application asked about another person",
    Reason.SUBJECT: "the person has no identifier of the form that the application wants",
    Reason.UNPROTECTED: "the answer must be encrypted, and the application has no key for that",
    Reason.CANCELLED: "the person gave up",
    Reason.TOO_MANY_ATTEMPTS: "there were too many wrong tries",
}


_ANSWERS = {
    "approved": "The phone typed the right number.",
    "denied": "The phone said no.",
    "fraud": "The phone said that it was somebody else.",
    "wrong-number": "The phone typed another number than the page showed.",
    "no-answer": "The phone did not answer in time.",
    "wrong-pin": "Another PIN was typed on the phone.",
    "no-digits": "Nothing that counts was pressed on the phone.",
    "busy": "The line was busy.",
    "hung-up": "The call ended before anything was pressed.",
    "voicemail": "A voice box picked up.",
    "unreachable": "The phone could not be reached.",
}


# Why an answer was not taken, where that is more than that it was not right.
_BECAUSE: Mapping[str, str] = {
    Result.CODE_USED: "it had been used already",
    Result.CODE_EXPIRED: "it was too old",
    Result.WRONG_PIN: "another PIN was typed",
    Result.WRONG_NUMBER: "it was another number than the page showed",
    Result.DECLINED: "it was a no",
    Result.FRAUD: "it said that it was somebody else",
    Result.NO_METHOD: "nothing like it is registered",
    Result.PERSON_UNKNOWN: "nobody has the user name that was given",
    Result.PERSON_DISABLED: "the person is switched off",
    Result.OTHER_PERSON: "it was another person's",
}
_UNLOOKED: Mapping[str, str] = {
    Result.DUPLICATE: "it had been given before",
    Result.INVALID_PHONE: "that is no phone number that can be reached from here",
    Result.SERVICE_ERROR: "the service had too much to do",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What happened at a moment, one sentence."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A sign-in: who, where, from where (each "" when it is not on record), and what happened."""

    person: str
    partner: str
    address: str
    lines: tuple[Line, ...]


def tell(events: Sequence[Told]) -> Story:
    """Return the story of events that belong together, oldest first."""
    lines = (Line(at=told.recorded.at, text=_sentence(told)) for told in events)
    return Story(
        person=next((told.person for told in reversed(events) if told.person), ""),
        partner=next((told.partner or told.recorded.partner for told in events if told.recorded.partner), ""),
        address=next((told.recorded.address for told in events if told.recorded.address), ""),
        lines=tuple(lines),
    )


def _sentence(told: Told) -> str:
    event = told.recorded
    sentence = _SENTENCES.get(event.event, f"{event.event}.")
    return sentence if isinstance(sentence, str) else sentence(event)


def _accepted(event: Recorded) -> str:
    asked = " It asked who holds it." if event.detail.get("user_verified") else ""
    return f"The {_name(event)} was right.{asked}{_others(event)}"


def _refused(event: Recorded) -> str:
    because = _BECAUSE.get(event.result, "")
    # What older versions recorded has a word in `why` and no result.
    why = f": {because}" if because else f" ({event.detail['why']})" if event.detail.get("why") else ""
    return f"The {_name(event)} was not right{why}.{_others(event)}"


def _unlooked(event: Recorded) -> str:
    return f"The {_name(event)} was not looked at: {_UNLOOKED.get(event.result, event.result)}."


def _again(event: Recorded) -> str:
    by = [
        "the application asks for something newer" if one == "max_age" else f"rule {one} says so"
        for one in event.detail["by"]
    ]
    return f"What the session had proved is too old, and is asked for again: {', '.join(by)}."


def _locked(event: Recorded) -> str:
    return f"The {_name(event)} was not right, for the last time: it is not looked at for a while now."


def _right_but_locked(event: Recorded) -> str:
    return f"The {_name(event)} was right, but there had been too many wrong tries, by somebody else perhaps."


def _sent(event: Recorded) -> str:
    return f"A code was texted to {event.detail.get('to', 'a phone')}."


def _withheld(event: Recorded) -> str:
    return f'No code was texted: the limit for "{event.reason}" was reached.'


def _asked_phone(event: Recorded) -> str:
    if event.factor == "call":
        return f"{event.detail.get('to', 'A phone')} was called."
    return "The person's phones were asked." if event.detail.get("phones") else "The new phone was asked."


def _phone_not_asked(event: Recorded) -> str:
    return f'No phone was asked: the limit for "{event.reason}" was reached.'


def _phone_said(event: Recorded) -> str:
    return _ANSWERS.get(event.reason, f"The phone said {event.reason}.")


def _blocked(event: Recorded) -> str:
    why = "a report" if event.reason == "fraud-reported" else "the many requests"
    return f"The person was blocked, because of {why}." if event.factor else "The person was blocked."


def _reset(event: Recorded) -> str:
    shown = " and ".join(_NAMES.get(one, one) for one in event.detail.get("shown", ()))
    return f"The person chose a new password, behind {shown}, and was signed out everywhere."


def _added(event: Recorded) -> str:
    return f"The person set up {_METHODS.get(event.factor, event.factor)}."


def _issued(event: Recorded) -> str:
    methods = ", ".join(str(value) for value in event.detail.get("amr", ()))
    lacking = ", ".join(event.detail.get("missing", ()))
    more = f" The application wanted {lacking} too, which is not on record." if lacking else ""
    stood = ", ".join(_NAMES.get(one, one) for one in event.detail.get("remembered", ()))
    browser = f" The browser stood in for the {stood}." if stood else ""
    how = browser or _HOW.get(event.result, "")
    return f"The application was told who it is ({methods}).{how}{_rules(event)}{more}"


def _denied(event: Recorded) -> str:
    rule = event.detail.get("rule")
    why = _WHY.get(event.reason, event.reason) + (f": {rule}" if rule else "")
    return f"The person was turned away, because {why}.{_rules(event)}"


_HOW: Mapping[str, str] = {
    Result.BY_SESSION: " All of it had been proved earlier in the session.",
    Result.REMEMBERED: " The browser was one that is remembered.",
    Result.NOT_NEEDED: " One factor was enough there, and no second was asked for.",
}
_SENTENCES: Mapping[str, str | Callable[[Recorded], str]] = {
    Event.CREDENTIAL_ACCEPTED: _accepted,
    Event.CREDENTIAL_REFUSED: _refused,
    Event.CREDENTIAL_UNCHECKED: _unlooked,
    Event.ASKED_AGAIN: _again,
    Event.SIGN_IN_EXPIRED: "The sign-in was not gone on with in time, and ended.",
    Event.SIGNED_OUT: "A session was ended.",
    Event.SIGN_IN_DISOWNED: "The person said that it was not them: every session and token ended.",
    Event.LOCKED: _locked,
    Event.RIGHT_WHILE_LOCKED: _right_but_locked,
    Event.CODE_SENT: _sent,
    Event.CODE_WITHHELD: _withheld,
    Event.PHONE_ASKED: _asked_phone,
    Event.PHONE_NOT_ASKED: _phone_not_asked,
    Event.PHONE_ANSWERED: _phone_said,
    Event.FRAUD_REPORTED: "The person said that it was somebody else who tried to sign in.",
    Event.PERSON_BLOCKED: _blocked,
    Event.PERSON_UNBLOCKED: "The person was unblocked.",
    Event.PASSWORD_RESET: _reset,
    Event.METHOD_ADDED: _added,
    Event.METHOD_COPIED: "The passkey behaved like a copy of one that was used elsewhere.",
    Event.TOKEN_ISSUED: _issued,
    Event.TOKEN_DENIED: _denied,
    Event.BROWSER_TRUSTED: "The person had the browser stand in for the second factor for a while.",
    Event.METHODS_CONFIRMED: "The person looked at their methods, and found them right.",
    Event.CAMPAIGN_SNOOZED: "The person put off what a campaign asks them to set up.",
    Event.CONSENT_GIVEN: "The person agreed to what the application wants to know.",
    Event.LOOP_STOPPED: "The application sent the person back at once, again and again, and was stopped.",
}


def _name(event: Recorded) -> str:
    return _NAMES.get(event.factor, event.factor)


def _others(event: Recorded) -> str:
    others = [_NAMES.get(one, one) for one in event.detail.get("offered", ()) if one != event.factor]
    return f" Offered beside it: {', '.join(others)}." if others else ""


def _rules(event: Recorded) -> str:
    return f" Rules that spoke: {', '.join(event.rules)}." if event.rules else ""

"""What came of a try or of a whole sign-in: the one enumeration that the record uses."""

from __future__ import annotations

from enum import StrEnum


class Result(StrEnum):
    """A result, for administrators only: pages say the same thing for a wrong code and a used one."""

    # Satisfied
    COMPLETED = "completed"
    BY_SESSION = "by-session"  # proved earlier in this session (single sign-on)
    REMEMBERED = "remembered"  # by a browser that was remembered
    REGISTERED = "registered"  # a method was set up in the sign-in
    NOT_NEEDED = "not-needed"  # one factor was enough, by the rules that spoke
    PROOF_EXPIRED = "proof-expired"  # what was proved is too old for the policy: it is asked again
    # Denied
    IN_PROGRESS = "in-progress"  # begun, and not gone on with in time
    DUPLICATE = "duplicate"  # the same answer twice
    TOO_MANY_TRIES = "too-many-tries"
    INVALID = "invalid-authentication"  # a password, or a passkey's answer
    WRONG_CODE = "wrong-code"
    CODE_USED = "code-used"
    CODE_EXPIRED = "code-expired"
    WRONG_PIN = "wrong-pin"
    WRONG_NUMBER = "wrong-number"  # another on the phone than on the page
    DECLINED = "declined"
    FRAUD = "fraud-reported"
    NO_ANSWER = "no-answer"
    HUNG_UP = "hung-up"
    NO_DIGITS = "no-digits"
    VOICEMAIL = "voicemail"
    BUSY = "busy"  # the line
    UNREACHABLE = "unreachable"
    CANNOT_TEXT = "cannot-send-text"
    CANNOT_PUSH = "cannot-send-push"
    CANNOT_CALL = "cannot-call"
    INVALID_PHONE = "invalid-phone"
    NO_METHOD = "no-method"
    PERSON_UNKNOWN = "person-unknown"
    PERSON_BLOCKED = "person-blocked"
    PERSON_DISABLED = "person-disabled"
    OTHER_PERSON = "other-person"  # than the one asked for
    RULE = "rule"  # a rule denied it
    NOT_ENOUGH = "not-strong-enough"  # the application asks for more than there is
    PAGE_NEEDED = "page-needed"  # and the application wanted none to be shown
    CANCELLED = "cancelled"
    MISCONFIGURATION = "misconfiguration"
    SERVICE_ERROR = "service-error"

    @property
    def satisfied(self) -> bool:
        """Say whether it is one of those by which a sign-in goes on."""
        return self in _SATISFIED


_SATISFIED = frozenset(
    {
        Result.COMPLETED,
        Result.BY_SESSION,
        Result.REMEMBERED,
        Result.REGISTERED,
        Result.NOT_NEEDED,
        Result.PROOF_EXPIRED,
    }
)

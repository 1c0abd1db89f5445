"""The one tree of errors.

CountersignError
|-- BadMessage   our own page, never a redirect: the sender or its request is not trusted
|   |-- Banned   nobody may come from that network
|   `-- Looping  the application sends people back at once, again and again
|-- Unavailable  what we stand on, the database or the state, can't be reached: no answer is made up
|-- Denied       answered in the partner's protocol: the request was fine, the answer is no
`-- Refused      stay on the page and try again: the person's or the administrator's input
    `-- Unchecked   nothing was checked, so it counts as no attempt: a form to correct, a limit
        `-- Busy     nothing was wrong with it: there is too much to do just now

Each has public text (a message id for gettext), detail for the log, and a reference id that
joins the two.  Public text never quotes the input.
"""

from __future__ import annotations

from enum import StrEnum

from idp.core.ids import reference
from idp.core.result import Result


class Reason(StrEnum):
    """Why a sign-in was denied; recorded, and mapped by each door."""

    LOGIN_REQUIRED = "login_required"
    INTERACTION_REQUIRED = "interaction_required"
    CONSENT_REQUIRED = "consent_required"
    ACCESS = "access"
    CONTEXT = "context"
    NO_METHOD = "no_method"
    PERSON_DISABLED = "person_disabled"
    BLOCKED = "blocked"
    OTHER_PERSON = "other_person"
    SUBJECT = "subject"
    UNPROTECTED = "unprotected"  # what must be encrypted can't be
    CANCELLED = "cancelled"
    TOO_MANY_ATTEMPTS = "too_many_attempts"


class CountersignError(Exception):
    """Base of all errors that the service raises on purpose."""

    status = 400

    def __init__(self, public: str, *, detail: str = "") -> None:
        super().__init__(detail or public)
        self.public = public
        self.detail = detail
        self.reference = reference()


class BadMessage(CountersignError):
    """A message or address that cannot be trusted; shown on our own page."""


class Banned(BadMessage):
    """A network that nobody may come from."""

    status = 403


class Looping(BadMessage):
    """An application that sends people back at once, again and again."""

    status = 429


class Unavailable(CountersignError):
    """The database or the state can't be reached just now. detail is the driver's word, for the log."""

    status = 503

    def __init__(self, *, detail: str) -> None:
        super().__init__("The service is not available just now.", detail=detail)


class Denied(CountersignError):
    """A sign-in that must not succeed; the door answers the partner."""

    status = 403

    def __init__(self, public: str, *, reason: Reason, rule: str = "", detail: str = "") -> None:
        super().__init__(public, detail=detail or reason.value)
        self.reason = reason
        self.rule = rule


class Refused(CountersignError):
    """An input that was not accepted; the page or command says why.

    result says precisely why, to the record: public text must often not, or it would help a guesser.
    """

    status = 422
    result: Result | None = None

    def __init__(self, public: str, *, detail: str = "", result: Result | None = None) -> None:
        super().__init__(public, detail=detail)
        self.result = result or self.result


class Unchecked(Refused):
    """An input that was refused before anything secret was compared: no attempt at it."""


class Busy(Unchecked):
    """Too much is waiting already; said at once instead of after minutes."""

    status = 503
    result = Result.SERVICE_ERROR

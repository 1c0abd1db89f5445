"""Twilio: its REST interface for messages, and its signed reports."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode, urlsplit, urlunsplit

from idp.channels.asking import (
    BOUNDS,
    basic,
    check_address,
    check_authorities,
    client,
    flat,
    refusal,
    unanswered,
)
from idp.core.errors import Refused
from idp.core.ids import same
from idp.core.ports import Callback, Handover, Parcel, Receipt, Taken
from idp.net import Answer, Blocked, Unanswered

API = "https://api.twilio.com"
_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
_MESSAGING_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|[A-Za-z0-9 ]{1,11}")
_CODE = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioSettings:
    """An account. sender is a number, a short code, a name, or the id of a messaging service."""

    account: str
    sender: str
    api: str = API
    authorities: str = ""

    def check(self, *, secret_given: bool) -> None:
        """Raise Refused, saying what to change, when these cannot be used."""
        check_account(self.account)
        if not (_SENDER.fullmatch(self.sender) or _MESSAGING_SERVICE.fullmatch(self.sender)):
            raise Refused("The sender is a number like +14255550123, a name, or a messaging service (MG...).")
        check_reached(self.api, self.authorities, secret_given=secret_given)


class Twilio:
    """A carrier of texts. The secret is the account's auth token: only that signs reports."""

    kind = "text"

    def __init__(self, name: str, settings: TwilioSettings, secret: str) -> None:
        self.name = name
        self._settings = settings
        self._secret = secret
        self._client = client(settings.authorities)

    def send(self, parcel: Parcel) -> Handover:
        """Make a Message resource; Twilio takes no idempotency key for it."""
        settings = self._settings
        sender = "MessagingServiceSid" if _MESSAGING_SERVICE.fullmatch(settings.sender) else "From"
        form = {"To": parcel.to, sender: settings.sender, "Body": parcel.text}
        if parcel.receipts.startswith("https://"):  # it would refuse the message for one it cannot reach
            form["StatusCallback"] = parcel.receipts
        address = f"{settings.api.rstrip('/')}/2010-04-01/Accounts/{settings.account}/Messages.json"
        headers = {
            "Authorization": basic(settings.account, self._secret),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        try:
            return judged(
                self._client.post(address, urlencode(form).encode(), headers=headers, bounds=BOUNDS)
            )
        except (Blocked, Unanswered) as error:
            return unanswered(error)

    def receipt(self, call: Callback) -> Receipt | None:
        """Read a signed status callback."""
        check_signed(self._secret, call)
        match call.posted.get("MessageStatus"):
            case "delivered" | "read":
                return Receipt(arrived=True)
            case "undelivered" | "failed":
                code = call.posted.get("ErrorCode", "")
                return Receipt(arrived=False, reason=f"Twilio {code}" if _CODE.fullmatch(code) else "Twilio")
            case _:
                return None


def check_account(account: str) -> None:
    """Raise Refused unless it is the id of an account."""
    if not _ACCOUNT.fullmatch(account):
        raise Refused("An account at Twilio is AC and 32 hexadecimal digits.")


def check_reached(api: str, authorities: str, *, secret_given: bool) -> None:
    """Raise Refused unless an account's interface can be reached, and asked in its name."""
    check_address(api)
    if authorities:
        check_authorities(authorities)
    if not secret_given:
        raise Refused("The secret is missing: the account's auth token.")


def check_signed(secret: str, call: Callback) -> None:
    """Raise Refused unless Twilio signed a callback: over the address as it was given to it, and the form."""
    sent = call.headers.get("x-twilio-signature", "")
    # It signs the address with its port or without, by scheme and by its mood (its own words).
    if not any(same(sent, signature(secret, each, call.posted)) for each in _spelled(call.address)):
        raise Refused("The report is not Twilio's.")


def signature(secret: str, address: str, posted: Mapping[str, str]) -> str:
    """Return X-Twilio-Signature for a posted form: HMAC-SHA1 over the address, then the sorted fields."""
    data = address + "".join(name + posted[name] for name in sorted(posted))
    return b64encode(hmac.digest(secret.encode(), data.encode(), "sha1")).decode()


def judged(answer: Answer) -> Handover:
    """Return what an answer of its REST interface means."""
    said = flat(answer.body)
    if 200 <= answer.status < 300:
        taken = Taken.YES if said.get("sid") else Taken.PERHAPS
        return Handover(taken=taken, reference=said.get("sid", "")[:64])
    handover, code = refusal(answer.status), said.get("code", "")
    return replace(handover, reason=f"Twilio {code}") if _CODE.fullmatch(code) else handover


def _spelled(address: str) -> tuple[str, ...]:
    parts = urlsplit(address)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    port = parts.port or default
    return (
        urlunsplit(parts._replace(netloc=host)),
        urlunsplit(parts._replace(netloc=f"{host}:{port}")),
    )

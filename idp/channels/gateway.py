"""The HTTP gateway: any service that takes texts by a request, described by templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

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
from idp.channels.template import check, check_json, fill, fill_json
from idp.core.errors import Refused
from idp.core.ports import Callback, Handover, Parcel, Receipt, Taken
from idp.net import Answer, Blocked, Unanswered

PLACES = ("number", "digits", "text", "key", "secret", "receipt")
# A header is one line of visible ASCII, which a text is not.
_IN_HEADERS = ("number", "digits", "key", "secret", "receipt")
_LONGEST_REFERENCE = 200
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
# They say how the message is framed, which is the client's to say.
_NOT_OURS_TO_SET = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A field by which a gateway tells something, by its path (`messages.0.status`), and words for it."""

    path: str
    words: tuple[str, ...]

    def said_by(self, fields: Mapping[str, str]) -> bool:
        """Say whether the field is there and has one of the words."""
        return fields.get(self.path) in self.words


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How a gateway wants to be asked.

    Of url, headers, form values and json each is a template. A form or JSON is posted; without
    either the address alone is fetched. user, with the secret, makes Basic authentication.
    accepted: a status of 200 to 299 is not enough, the answer must say one of these words.
    reference: where the answer has the gateway's own id. arrived, lost: what its reports say.
    authorities: certificates (PEM) that are trusted beside the system's.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    json: str = ""
    user: str = ""
    accepted: Told | None = None
    reference: str = ""
    arrived: Told | None = None
    lost: Told | None = None
    authorities: str = ""

    def check(self, *, secret_given: bool) -> None:
        """Raise Refused, saying what to change, when these cannot be used."""
        _check_url(self.url)
        for name, template in self.headers.items():
            _check_header(name, template)
        for template in self.form.values():
            check(template, PLACES)
        if self.json:
            check_json(self.json, PLACES)
        if self.json and self.form:
            raise Refused("A request has a form or a JSON body, not both.")
        if self.authorities:
            check_authorities(self.authorities)
        self._check_secret(given=secret_given)

    def _check_secret(self, *, given: bool) -> None:
        if ":" in self.user or not self.user.isprintable():
            raise Refused("A user name has no colon and is one line.")
        texts = (self.url, self.json, *self.headers.values(), *self.form.values())
        used = bool(self.user) or any("{secret}" in text for text in texts)
        if used and not given:
            raise Refused("The secret is missing.")
        if given and not used:
            raise Refused("Nothing uses the secret: write {secret} where it belongs, or name a user.")


class HttpGateway:
    """A carrier of texts behind HTTP."""

    kind = "text"

    def __init__(self, name: str, settings: HttpSettings, secret: str) -> None:
        self.name = name
        self._settings = settings
        self._secret = secret
        self._client = client(settings.authorities)

    def send(self, parcel: Parcel) -> Handover:
        """Ask the gateway once, for at most eight seconds."""
        try:
            return self._judged(self._ask(self._values(parcel)))
        except (Blocked, Unanswered) as error:
            return unanswered(error)

    def receipt(self, call: Callback) -> Receipt | None:
        """Read the report's words; its address, which only the gateway was told, says that it is genuine."""
        said = {**call.query, **call.posted}
        arrived, lost = self._settings.arrived, self._settings.lost
        if arrived is not None and arrived.said_by(said):
            return Receipt(arrived=True)
        if lost is not None and lost.said_by(said):
            return Receipt(arrived=False, reason=said[lost.path])
        return None

    def _values(self, parcel: Parcel) -> Mapping[str, str]:
        return {
            "number": parcel.to,
            "digits": parcel.to.removeprefix("+"),
            "text": parcel.text,
            "key": parcel.key,
            "secret": self._secret,
            "receipt": parcel.receipts,
        }

    def _ask(self, values: Mapping[str, str]) -> Answer:
        settings = self._settings
        address = fill(settings.url, values, lambda value: quote(value, safe=""))
        headers = {"Idempotency-Key": values["key"]}
        if settings.user:
            headers["Authorization"] = basic(settings.user, self._secret)
        headers |= {name.title(): fill(template, values) for name, template in settings.headers.items()}
        if settings.json:
            body, kind = fill_json(settings.json, values), "application/json"
        elif settings.form:
            pairs = {name: fill(template, values) for name, template in settings.form.items()}
            body, kind = urlencode(pairs).encode(), "application/x-www-form-urlencoded"
        else:
            return self._client.get(address, headers=headers, bounds=BOUNDS)
        return self._client.post(address, body, headers={"Content-Type": kind} | headers, bounds=BOUNDS)

    def _judged(self, answer: Answer) -> Handover:
        if not 200 <= answer.status < 300:
            return refusal(answer.status)
        said, accepted = flat(answer.body), self._settings.accepted
        if accepted is not None and not accepted.said_by(said):
            return Handover(taken=Taken.NOT_NOW, reason="not accepted")
        return Handover(
            taken=Taken.YES, reference=said.get(self._settings.reference, "")[:_LONGEST_REFERENCE]
        )


def _check_url(template: str) -> None:
    check(template, PLACES)
    scheme, _, rest = template.partition("://")
    if "{" in scheme or "{" in rest.partition("/")[0].partition("?")[0]:
        raise Refused("Scheme and host of the address must be fixed: no {places} in them.")
    check_address(fill(template, dict.fromkeys(PLACES, "x")))


def _check_header(name: str, template: str) -> None:
    if not _HEADER_NAME.fullmatch(name) or name.lower() in _NOT_OURS_TO_SET:
        raise Refused("That header cannot be set.", detail=name[:100])
    check(template, _IN_HEADERS)
    if name.lower() == "authorization" and "{secret}" not in template:
        # Written out it would be shown with the settings.
        raise Refused("Give the secret apart, and write {secret} in its place.")
    if not (template.isascii() and template.isprintable()):
        raise Refused(f"The header {name} must be one line of ASCII.")

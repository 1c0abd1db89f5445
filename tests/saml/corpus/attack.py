"""One malicious message: a change to a genuine one, at one point of its way."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tests.saml.corpus.makes import MAKES, WISHES, signed
from tests.saml.sp import Sp, query

ISSUER: Final = "https://sp.example/metadata"
_WRITER = next(make for make in MAKES if make.name == "SimpleSAMLphp")

Text = Callable[[str], str]
Octets = Callable[[bytes], bytes]
Form = Callable[[dict[str, str]], dict[str, str]]


@dataclass(frozen=True)
class Attack:
    """What is changed: the message before it is signed (xml), signed (data), or on its way (raw, form)."""

    name: str
    xml: Text | None = None
    data: Octets | None = None
    raw: Text | None = None
    form: Form | None = None
    key_of: str = "sender"
    posted: bool = False
    attributes: dict[str, str | None] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name.replace(" ", "-")

    @property
    def twin(self) -> Attack:
        """Return the genuine message of the same way."""
        return Attack(self.name, posted=self.is_posted)

    @property
    def is_posted(self) -> bool:
        return self.posted or self.data is not None or self.form is not None

    def sent(self, sp: Sp, stranger: Sp, now: datetime) -> str | dict[str, str]:
        """Return the query or the form to send."""
        signer = sp if self.key_of == "sender" else replace(sp, key=stranger.key)
        attributes = dict(self.attributes)
        if "late" in attributes:
            late = timedelta(seconds=int(attributes.pop("late") or 0))
            attributes["IssueInstant"] = f"{now + late:%Y-%m-%dT%H:%M:%SZ}"
        xml = _WRITER.request(WISHES[0], now, **attributes)
        xml = self.xml(xml) if self.xml else xml
        if not self.is_posted:
            raw = query(xml, key=signer.key, relay_state="/deep")
            return self.raw(raw) if self.raw else raw
        data = signed(xml, signer)
        data = self.data(data) if self.data else data
        form = {"SAMLRequest": base64.b64encode(data).decode(), "RelayState": "/deep"}
        return self.form(form) if self.form else form


def put(old: str, new: str) -> Text:
    def change(text: str) -> str:
        if old not in text:
            raise ValueError(old)
        return text.replace(old, new, 1)

    return change


def changed_in(old: str, new: str) -> Octets:
    change = put(old, new)
    return lambda data: change(data.decode()).encode()


def without(pattern: str) -> Text:
    def change(text: str) -> str:
        changed = re.sub(pattern, "", text, flags=re.DOTALL)
        if changed == text:
            raise ValueError(pattern)
        return changed

    return change

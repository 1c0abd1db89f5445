"""A browser without a screen: follows addresses, fills in the one form of a page, keeps cookies."""

from __future__ import annotations

from html.parser import HTMLParser
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import requests


class Browser:
    """Shows one page at a time: address, status and text."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self.address = self.text = ""
        self.status = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def open(self, address: str) -> None:
        """Go to an address, and wherever it leads."""
        self._show(self._session.get(address, timeout=20))

    def submit(self, **typed: str) -> None:
        """Fill in the page's first form and send it."""
        form = _Form()
        form.feed(self.text)
        target = urljoin(self.address, form.action or self.address)
        self._show(self._session.post(target, data=form.fields | typed, timeout=20))

    def pass_on(self) -> None:
        """Do what a script does where it runs: send the form that carries an answer on its way."""
        while 'name="SAMLResponse"' in self.text:
            self.submit()

    def _show(self, answer: requests.Response) -> None:
        self.address, self.status, self.text = answer.url, answer.status_code, answer.text


class _Form(HTMLParser):
    """Reads the first form: where it goes, and what it carries without anybody typing."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._inside = self._after = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and not self._after:
            self._inside, self.action = True, given.get("action")
        elif tag == "input" and self._inside and given.get("name") and given.get("type") != "checkbox":
            self.fields[str(given["name"])] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._inside:
            self._inside, self._after = False, True

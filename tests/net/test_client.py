"""The guarded client against real servers that behave badly."""

from __future__ import annotations

import gzip
import itertools
import socket
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from idp.core.errors import Refused
from idp.net import Answer, Blocked, Bounds, HttpClient, Reach, Unanswered, Unreached
from tests.net.servers import Talk, authority, says, serving

LOCAL = HttpClient(Reach(loopback=True))
QUICK = Bounds(seconds=1.0, size=50_000)


def fetched(talk: Talk, *, bounds: Bounds = QUICK, **asked: object) -> Answer:
    with serving(talk) as server:
        return LOCAL.get(f"http://127.0.0.1:{server.port}/x", bounds=bounds, **asked)  # type: ignore[arg-type]


def unanswered(talk: Talk, bounds: Bounds = QUICK) -> str:
    began = time.monotonic()
    with pytest.raises(Unanswered) as caught:
        fetched(talk, bounds=bounds)
    assert time.monotonic() - began < bounds.seconds + 2
    return caught.value.public


@contextmanager
def refusing(kind: type[Refused], public: str) -> Iterator[None]:
    with pytest.raises(kind) as caught:
        yield
    assert public in caught.value.public


def streaming(head: bytes, pieces: object, pause: float = 0.0) -> Talk:
    def talk(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(head)
        for piece in pieces:  # type: ignore[attr-defined]
            connection.sendall(piece)
            time.sleep(pause)

    return talk


# What comes back -----------------------------------------------------------------------------------
def test_an_answer() -> None:
    headers = 'ETag: "1"\r\nContent-Type: Application/XML; charset=utf-8\r\n'
    answer = fetched(says(b"<x/>", headers=headers), types=["application/xml"])
    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"<x/>", '"1"')
    assert answer.content_type == "application/xml"


def test_headers_with_control_characters_are_left_out() -> None:
    headers = 'ETag: "a\x00b"\r\nLast-Modified: one\r\n two\r\nX-Plain: \u00e9\r\n'
    answer = fetched(says(b"<x/>", headers=headers))
    assert answer.headers.keys() & {"etag", "last-modified", "x-plain"} == {"x-plain"}


def test_what_was_asked() -> None:
    with serving(says(status="304 Not Modified")) as server:
        address = f"http://127.0.0.1:{server.port}/m?a=b"
        assert LOCAL.get(address, headers={"If-None-Match": '"1"'}).status == 304
        posted = LOCAL.post(address, b"logout_token=x", headers={"Content-Type": "text/plain"})
    assert posted.status == 304
    asked, sent = server.requests
    assert asked.startswith(b"GET /m?a=b HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in asked
    assert b'If-None-Match: "1"\r\n' in asked
    assert sent.startswith(b"POST /m?a=b HTTP/1.1\r\n")
    assert sent.endswith(b"\r\n\r\nlogout_token=x")


@pytest.mark.parametrize(
    "packed", [gzip.compress(b"y" * 40_000), gzip.compress(b"")], ids=["much", "nothing"]
)
def test_a_packed_body_is_unpacked(packed: bytes) -> None:
    answer = fetched(says(packed, headers="Content-Encoding: gzip\r\n"))
    assert answer.body in (b"y" * 40_000, b"")


def test_a_chunked_body_is_joined() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert fetched(streaming(head, [b"2\r\nab\r\n", b"1\r\nc\r\n", b"0\r\n\r\n"])).body == b"abc"


def test_another_type_than_asked_for() -> None:
    with refusing(Unanswered, "something else"):
        fetched(says(b"<html>", headers="Content-Type: text/html\r\n"), types=["application/xml"])


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert fetched(says(b"direct")).body == b"direct"


# Bad answers ---------------------------------------------------------------------------------------
_ENDLESS = itertools.repeat(b"x" * 10_000)
_STATUS = b"HTTP/1.1 200 OK\r\n"
_PLAIN = _STATUS + b"\r\n"
_PACKED = _STATUS + b"Content-Encoding: gzip\r\n\r\n"
_BOMB = gzip.compress(b"\0" * 20_000_000)
# Blocks that stand for nothing: what is unpacked never grows.
_EMPTY_BLOCKS = itertools.chain([gzip.compress(b"")[:10]], itertools.repeat(b"\0\0\0\xff\xff" * 1000))


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(streaming(_PLAIN, _ENDLESS), id="endless"),
        pytest.param(streaming(_PACKED, _EMPTY_BLOCKS), id="endless nothing"),
        pytest.param(says(b"x" * 50_001), id="one byte too many"),
        pytest.param(
            says(gzip.compress(b"\0" * 20_000_000), headers="Content-Encoding: gzip\r\n"), id="bomb"
        ),
    ],
)
def test_too_much(talk: Talk) -> None:
    assert unanswered(talk) == "The server at that address sent more than is taken."


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(streaming(_STATUS, itertools.repeat(b"A"), 0.1), id="head in drops"),
        pytest.param(streaming(_PLAIN, itertools.repeat(b"x"), 0.1), id="body in drops"),
        pytest.param(streaming(b"", itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"), 0.01), id="go on"),
        pytest.param(lambda _connection, _head: time.sleep(1.5), id="silent"),
    ],
)
def test_too_slow(talk: Talk) -> None:
    assert unanswered(talk) == "The server at that address took too long to answer."


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(streaming(b"SSH-2.0-OpenSSH_9\r\n", []), id="no HTTP"),
        pytest.param(streaming(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", []), id="many headers"),
        pytest.param(
            streaming(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000 + b"\r\n\r\n", []), id="long header"
        ),
        pytest.param(streaming(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", [b"short"]), id="cut short"),
        pytest.param(streaming(_PACKED, [gzip.compress(b"whole")[:-4]]), id="packed and cut short"),
        pytest.param(says(b"garbage", headers="Content-Encoding: gzip\r\n"), id="not packed"),
        pytest.param(says(zlib.compress(b"x"), headers="Content-Encoding: br\r\n"), id="unknown encoding"),
        pytest.param(streaming(_STATUS + b"Transfer-Encoding: chunked\r\n\r\n", [b"zz\r\n"]), id="bad chunk"),
    ],
)
def test_no_answer_to_be_read(talk: Talk) -> None:
    assert unanswered(talk) == "The server at that address gave no answer we can read."


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with refusing(Unreached, "cannot be reached"):
        LOCAL.get(f"http://127.0.0.1:{port}/")
    with refusing(Unreached, "cannot be reached"):
        HttpClient(Reach(), resolver=_nowhere).get("https://no-such-name.example/")


def test_whether_the_request_may_have_been_read() -> None:
    with serving(streaming(b"", [])) as server, pytest.raises(Unanswered) as caught:
        LOCAL.post(f"http://127.0.0.1:{server.port}/", b"{}", bounds=QUICK)
    assert not isinstance(caught.value, Unreached)
    with serving(says(), context=authority().context("app.example")) as server, pytest.raises(Unreached):
        LOCAL.post(f"https://127.0.0.1:{server.port}/", b"{}", bounds=QUICK)


def _nowhere(_host: str, _port: int) -> Sequence[str]:
    raise socket.gaierror(socket.EAI_NONAME, "unknown")


# Names, redirects, certificates --------------------------------------------------------------------
class Names:
    """A name server that answers each name with one list after another, and counts."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self.names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def guarded(names: Names, port: int) -> HttpClient:
    """Return a client of a real installation, to which one server on this machine is opened."""
    reach = Reach.of(networks=["127.0.0.1/32"], ports=[port])
    return HttpClient(reach, ca=str(authority().file), resolver=names)


def test_case_42_a_name_that_changes_is_asked_once() -> None:
    """DNS rebinding: what was checked is what is connected to."""
    names = Names(app_example=[["127.0.0.1"], ["169.254.169.254"]])
    with serving(says(b"ok"), context=authority().context("app.example")) as server:
        client, address = guarded(names, server.port), f"https://app.example:{server.port}/"
        assert client.get(address).body == b"ok"
        assert names.asked == ["app.example"]
        with pytest.raises(Blocked):
            client.get(address)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "onward",
    [
        "https://inside.example:PORT/",
        "https://169.254.169.254/latest/meta-data/",
        "http://app.example:PORT/",
        "https://app.example:22/",
        "file:///etc/passwd",
        "//inside.example:PORT/",
        "https://u@app.example:PORT/",
    ],
)
def test_case_42_a_redirect_is_checked_like_the_first_address(onward: str) -> None:
    names = Names(app_example=[["127.0.0.1"]], inside_example=[["10.0.0.5"]])
    names.names["169.254.169.254"] = [["169.254.169.254"]]
    targets: list[str] = []

    def talk(connection: socket.socket, head: bytes) -> None:
        says(status="302 Found", headers=f"Location: {targets[0]}\r\n")(connection, head)

    with serving(talk, context=authority().context("app.example")) as server:
        targets.append(onward.replace("PORT", str(server.port)))
        with pytest.raises(Blocked):
            guarded(names, server.port).get(f"https://app.example:{server.port}/", bounds=Bounds(redirects=3))
    assert len(server.requests) == 1


def test_redirects_are_followed_as_far_as_allowed() -> None:
    def talk(connection: socket.socket, head: bytes) -> None:
        step = int(head.split(b" ")[1].removeprefix(b"/"))
        onward = says(status="307 Temporary Redirect", headers=f"Location: {step - 1}#part\r\n")
        (onward if step else says(b"there"))(connection, head)

    with serving(talk) as server:
        base = f"http://127.0.0.1:{server.port}"
        answer = LOCAL.get(f"{base}/2", bounds=Bounds(redirects=2))
        assert (answer.body, answer.address) == (b"there", f"{base}/0")
        with refusing(Unanswered, "without end"):
            LOCAL.get(f"{base}/3", bounds=Bounds(redirects=2))
        assert LOCAL.get(f"{base}/3").status == 307
        assert LOCAL.post(f"{base}/3", b"", bounds=Bounds(redirects=2)).status == 307


def test_the_certificate_must_be_for_the_name() -> None:
    names = Names(app_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    with serving(says(b"ok"), context=authority().context("app.example")) as server:
        client = guarded(names, server.port)
        assert client.get(f"https://app.example:{server.port}/").body == b"ok"
        with refusing(Unanswered, "no certificate we trust"):
            client.get(f"https://other.example:{server.port}/")
        strangers = HttpClient(client.reach, resolver=names)
        with refusing(Unanswered, "no certificate we trust"):
            strangers.get(f"https://app.example:{server.port}/")


def test_authorities_may_be_given_themselves() -> None:
    pem = authority().file.read_text()
    with serving(says(b"ok"), context=authority().context("127.0.0.1")) as server:
        client = HttpClient(Reach.operators(), authorities=pem)
        assert client.get(f"https://127.0.0.1:{server.port}/").body == b"ok"


def test_a_server_that_never_shakes_hands() -> None:
    names = Names(app_example=[["127.0.0.1"]])
    with serving(lambda _connection, _head: time.sleep(1.5)) as server:
        began = time.monotonic()
        with refusing(Unanswered, "too long"):
            guarded(names, server.port).get(f"https://app.example:{server.port}/", bounds=QUICK)
        assert time.monotonic() - began < 1.4

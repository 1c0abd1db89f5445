"""Keys that clients publish themselves: fetched rarely and with care, and never trusted for long."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ALL_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey

from idp.net import HttpClient, Reach
from idp.partners import jwks_uri
from idp.partners.jwks_uri import FRESH, KEPT, PAUSE, PublishedKeys
from tests.clock import TestClock
from tests.net.servers import Served, says, serving

SECOND = timedelta(seconds=1)
KEYS = {kid: {**ECKey.generate_key("P-256").as_dict(private=False), "kid": kid} for kid in ("old", "new")}


def key_set(*keys: Any) -> bytes:
    members = [KEYS[key] if isinstance(key, str) else key for key in keys]
    return json.dumps({"keys": members}).encode()


def opened() -> Event:
    event = Event()
    event.set()
    return event


@dataclass
class Site:
    """A client's web server with its keys at one address."""

    body: bytes = key_set("old")
    status: str = "200 OK"
    headers: str = ""
    opened: Event = field(default_factory=opened)
    served: Served = field(default_factory=lambda: Served(port=0))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.served.port}/jwks?token=secret"

    @property
    def looks(self) -> int:
        return len(self.served.requests)

    def answer(self, connection: socket.socket, request: bytes) -> None:
        self.opened.wait(4)
        says(self.body, status=self.status, headers=self.headers)(connection, request)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    with serving(site.answer) as running:
        site.served = running
        yield site


@pytest.fixture
def published(clock: TestClock) -> PublishedKeys:
    return PublishedKeys(HttpClient(Reach.of(loopback=True)), clock)


def kids(published: PublishedKeys, site: Site, kid: str = "") -> list[str]:
    return [key.kid for key in published.at(site.address, kid)]


def test_known_keys_are_fetched_again_only_when_they_are_old(
    published: PublishedKeys, site: Site, clock: TestClock
) -> None:
    assert kids(published, site, "old") == kids(published, site) == ["old"]
    clock.advance(seconds=(FRESH - SECOND).seconds)
    kids(published, site, "old")
    assert site.looks == 1
    clock.advance(seconds=1)
    site.body = key_set("new")
    assert kids(published, site, "old") == ["new"]
    assert site.looks == 2


def test_an_unknown_key_is_looked_for_at_most_every_few_minutes(
    published: PublishedKeys, site: Site, clock: TestClock
) -> None:
    kids(published, site, "old")
    site.body = key_set("old", "new")
    for kid in ("new", *map(str, range(50))):
        assert kids(published, site, kid) == ["old"]
    assert site.looks == 1
    clock.advance(seconds=PAUSE.seconds)
    assert kids(published, site, "new") == ["old", "new"]
    kids(published, site, "other")
    assert site.looks == 2


def test_those_who_come_together_ask_once(published: PublishedKeys, site: Site) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: kids(published, site, "old"), range(8)))
    assert found == [["old"]] * 8
    assert site.looks == 1


def test_an_address_that_keeps_us_waiting_holds_up_one_and_not_all(
    published: PublishedKeys, site: Site, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody can name a client: its slow address must not take every thread."""
    kids(published, site, "old")
    clock.advance(seconds=FRESH.seconds)
    monkeypatch.setattr(jwks_uri, "PATIENCE", 0.05)
    site.opened.clear()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(kids, published, site, "new") for _ in range(8)]
        done, waiting = wait(asked, timeout=2, return_when=ALL_COMPLETED)
        assert (len(done), len(waiting)) == (7, 1)
        assert [one.result() for one in done] == [["old"]] * 7
        site.opened.set()
    assert site.looks == 2


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"status": "500 Internal Server Error"}, id="500"),
        pytest.param({"status": "404 Not Found"}, id="404"),
        pytest.param({"status": "302 Found", "headers": "Location: /jwks\r\n"}, id="elsewhere"),
        pytest.param({"body": b"<html>"}, id="a page"),
        pytest.param({"body": b"\xff\xfe"}, id="no text"),
        pytest.param({"body": b"[" * 50_000}, id="deep"),
        pytest.param({"body": b'{"keys": 5}'}, id="no list"),
        pytest.param({"body": key_set(*[KEYS["old"]] * 11)}, id="eleven keys"),
        pytest.param({"body": key_set("old") + b" " * 70_000}, id="long"),
    ],
)
def test_without_an_answer_keys_are_trusted_for_an_hour_and_no_longer(
    published: PublishedKeys, site: Site, clock: TestClock, wrong: dict[str, Any]
) -> None:
    assert kids(published, site) == ["old"]
    for name, value in wrong.items():
        setattr(site, name, value)
    clock.advance(seconds=(KEPT - SECOND).seconds)
    assert kids(published, site, "old") == ["old"]
    clock.advance(seconds=1)
    assert kids(published, site, "old") == []
    assert site.looks == 2


def test_keys_that_were_taken_away_are_gone(published: PublishedKeys, site: Site, clock: TestClock) -> None:
    kids(published, site)
    clock.advance(seconds=FRESH.seconds)
    site.body = key_set()
    assert kids(published, site, "old") == []


def test_keys_for_others_are_passed_over_and_so_are_private_ones(
    published: PublishedKeys, site: Site
) -> None:
    others = (
        OKPKey.generate_key("Ed25519").as_dict(private=False),
        ECKey.generate_key("P-384").as_dict(private=False),
        ECKey.generate_key("P-256").as_dict(private=True),
        OctKey.generate_key(256).as_dict(private=True),
        {"kty": 5},
    )
    site.body = key_set(*others, "old")
    assert kids(published, site) == ["old"]


def test_case_42_an_inner_address_is_not_asked(site: Site, clock: TestClock) -> None:
    far = PublishedKeys(HttpClient(Reach()), clock)
    assert kids(far, site) == []
    assert site.looks == 0


def test_so_many_addresses_are_held_and_no_more(
    published: PublishedKeys, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks_uri, "MOST", 2)
    for part in ("a", "b", "a", "c", "a"):
        published.at(f"{site.address}&{part}", "")
    assert site.looks == 3
    published.at(f"{site.address}&b", "")
    assert site.looks == 4


def test_the_log_says_what_is_wrong_without_the_query(
    published: PublishedKeys, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.status = "500 Oops"
    kids(published, site)
    said = capsys.readouterr()
    assert "/jwks" in said.out + said.err
    assert "secret" not in said.out + said.err

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.web.visit import client_address
from tests.web.conftest import build

_PROXIES = tuple(map(ip_network, ("10.0.0.0/8", "fd00::/8")))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        # A stranger's header counts for nothing.
        ("203.0.113.9", "10.1.2.3", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "10.9.9.9, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "127.0.0.1, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "2001:DB8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("fd00::1", "198.51.100.7", "198.51.100.7"),
        # What can't be read makes the client unknown, never the proxy or a neighbour.
        ("10.0.0.1", "", ""),
        ("10.0.0.1", "a", ""),
        ("10.0.0.1", "198.51.100.7, unknown", ""),
        ("10.0.0.1", "198.51.100.7, ", ""),
        ("10.0.0.1", "fe80::1%eth0", ""),
        ("10.0.0.1", "010.0.0.7", ""),
        ("10.0.0.1", "1.2.3", ""),
        ("10.0.0.1", ",".join(["10.0.0.2"] * 50), ""),
        ("", "198.51.100.7", ""),
        ("fe80::1%eth0", "", ""),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy_of_ours(
    peer: str, forwarded: str, client: str
) -> None:
    assert client_address(peer=peer, forwarded=forwarded, proxies=_PROXIES) == client


@given(st.text(max_size=80), st.lists(st.ip_addresses().map(str), max_size=3))
def test_what_a_client_writes_itself_changes_nothing(garbage: str, chain: list[str]) -> None:
    forged = ",".join([garbage, *chain, "198.51.100.7"])
    assert client_address(peer="10.0.0.1", forwarded=forged, proxies=_PROXIES) == "198.51.100.7"


@given(st.text(max_size=200))
def test_the_answer_is_an_address_or_nothing(forwarded: str) -> None:
    answer = client_address(peer="10.0.0.1", forwarded=forwarded, proxies=_PROXIES)
    assert answer == "" or str(ip_address(answer)) == answer


def test_a_visit_carries_cookies_network_and_a_new_correlation_id() -> None:
    client = build("http://localhost:8000", "127.0.0.0/8").test_client(use_cookies=False)
    headers = {
        "Cookie": "countersign-browser=b; countersign-session=s; countersign-device=d",
        "X-Forwarded-For": "198.51.100.7",
        "X-Correlation-Id": "mine",
        "User-Agent": "A" * 500 + "\t",
    }
    answer = client.get("/visit", headers=headers)
    visit = answer.json
    assert (visit["browser"], visit["session"], visit["device"]) == ("b", "s", "d")
    assert visit["network"] == {"address": "198.51.100.7", "user_agent": "A" * 400}
    assert visit["correlation"] == answer.headers["X-Correlation-Id"] != "mine"
    assert client.get("/visit").json["correlation"] != visit["correlation"]

"""Where requests may go: attack row 42 (SSRF), by form of the address and by what a name stands for."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.net import Blocked, Reach
from idp.net.reach import is_public
from idp.net.wire import resolve

PUBLIC = Reach()
INSIDE = (
    "0.0.0.0",  # noqa: S104 (an address to refuse)
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.168.1.1",
    "192.88.99.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
)
OUTSIDE = ("1.1.1.1", "8.8.8.8", "172.32.0.1", "192.167.0.1", "2606:4700::1111", "::ffff:8.8.8.8")


@pytest.mark.parametrize("address", INSIDE)
def test_case_42_inner_addresses_are_not_gone_to(address: str) -> None:
    place = PUBLIC.place("https://app.example/metadata")
    with pytest.raises(Blocked, match="not open to this service"):
        PUBLIC.admit(place, [address])
    with pytest.raises(Blocked):  # nor when a good one stands beside it
        PUBLIC.admit(place, ["8.8.8.8", address])


@pytest.mark.parametrize("address", OUTSIDE)
def test_public_addresses_are(address: str) -> None:
    assert PUBLIC.admit(PUBLIC.place("https://app.example/"), [address])


@pytest.mark.parametrize(
    "spelling", ["127.1", "0x7f.0.0.1", "2130706433", "017700000001", "127.0.0.1.", "localhost"]
)
def test_case_42_no_spelling_of_this_machine_slips_through(spelling: str) -> None:
    place = PUBLIC.place(f"https://{spelling}/")
    try:
        found = resolve(place.host, place.port)
    except OSError:
        return  # this resolver does not know the spelling, so nobody is reached
    with pytest.raises(Blocked):
        PUBLIC.admit(place, found)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "app.example",
        "//app.example/",
        "http://app.example/",
        "file:///etc/passwd",
        "ftp://app.example/",
        "gopher://app.example/",
        "javascript:alert(1)",
        "https://",
        "https:///x",
        "https://user@app.example/",
        "https://app.example@127.0.0.1/",
        "https://app.example:0/",
        "https://app.example:22/",
        "https://app.example:99999/",
        "https://app.example:x/",
        "https://app.example/#part",
        "https://app.example\\@127.0.0.1/",
        "https://app.example/ x",
        "https://app.example/\r\nHost: x",
        "https://ａpp.example/",
        "https://[::1/",
        "https://app.example/" + "x" * 2000,
    ],
)
def test_case_42_addresses_of_another_form_are_not_used(address: str) -> None:
    with pytest.raises(Blocked):
        PUBLIC.place(address)


def test_an_operator_opens_a_network_and_a_port() -> None:
    reach = Reach.of(networks=["10.1.0.0/16", "fd00:1::/32"], ports=[9443])
    place = reach.place("https://app.corp.example:9443/metadata?a=b")
    assert (place.host, place.port, place.target) == ("app.corp.example", 9443, "/metadata?a=b")
    assert reach.admit(place, ["10.1.2.3", "fd00:1::5"]) == ("10.1.2.3", "fd00:1::5")
    assert reach.admit(place, ["::ffff:10.1.2.3"]) == ("10.1.2.3",)
    for closed in ("10.2.0.1", "fd00:2::1", "127.0.0.1"):
        with pytest.raises(Blocked):
            reach.admit(place, [closed])
    with pytest.raises(Blocked):
        reach.place("https://app.corp.example/")


def test_a_service_on_this_machine_only_may_speak_to_this_machine() -> None:
    reach = Reach(loopback=True)
    place = reach.place("http://localhost:4711/metadata")
    assert reach.admit(place, ["127.0.0.1", "::1"]) == ("127.0.0.1", "::1")
    for elsewhere in ("10.0.0.1", "8.8.8.8"):  # what is not this machine: over https, and public
        with pytest.raises(Blocked):
            reach.admit(place, [elsewhere])
    assert reach.admit(reach.place("https://app.example/"), ["8.8.8.8"])


@given(st.ip_addresses(v=4))
def test_an_address_in_disguise_is_judged_as_what_it_is(address: object) -> None:
    place = PUBLIC.place("https://app.example/")
    if is_public(ip_address(str(address))):
        assert PUBLIC.admit(place, [f"::ffff:{address}"]) == (str(address),)
        return
    for disguise in (f"::ffff:{address}", f"::{address}", f"64:ff9b::{address}"):
        with pytest.raises(Blocked):
            PUBLIC.admit(place, [disguise])


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    for address in (text, f"https://{text}"):
        try:
            place = PUBLIC.place(address)
        except Blocked:
            continue
        assert place.secure
        assert place.port in PUBLIC.ports
        assert place.host


def test_an_operators_own_address_may_be_anywhere_but_unencrypted_only_here() -> None:
    reach = Reach.operators()
    for address, host in (
        ("https://sms.example:8080/send", "10.0.0.1"),
        ("https://sms.example/send", "169.254.1.1"),
        ("http://localhost:1234/", "127.0.0.1"),
        ("http://[::1]:1234/", "::1"),
    ):
        assert reach.admit(reach.place(address), [host]) == (host,)
    for host in ("10.0.0.1", "192.0.2.1"):
        with pytest.raises(Blocked):
            reach.admit(reach.place("http://sms.example/send"), [host])

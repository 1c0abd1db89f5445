from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idp.core.errors import BadMessage
from idp.web.addresses import check_follow, check_post, csp_source

_NEVER = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "java\tscript:alert(1)",
    "\x01javascript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://app.example.com/1",
    "about:blank",
    "view-source:https://app.example.com",
    "//evil.example.com",
    "/\\evil.example.com",
    "https:evil.example.com",
    "https:///evil.example.com",
    "https://",
    "https://app.example.com@evil.example.com/",
    "https://user:pw@app.example.com/",
    "https://app.example.com\\@evil.example.com/",
    "https://app.example.com/\r\nSet-Cookie: a=b",
    "https://app.example.com:port/",
    "https://app.example.com:99999/",
    "https://[::1/",
    "",
    "relative",
]


@pytest.mark.parametrize("address", _NEVER)
def test_an_address_that_means_something_else_is_never_used(address: str) -> None:
    for check in (check_follow, check_post, csp_source):
        with pytest.raises(BadMessage):
            check(address)


def test_native_apps_are_followed_but_not_posted_to() -> None:
    assert check_follow("com.example.app:/cb?code=1") == "com.example.app:/cb?code=1"
    with pytest.raises(BadMessage):
        check_post("com.example.app:/cb")


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("https://app.example.com/acs", "https://app.example.com"),
        ("https://APP.example.com:443/acs?a=b#c", "https://app.example.com:443"),
        ("http://127.0.0.1:8001/acs", "http://127.0.0.1:8001"),
        ("http://[::1]:8001/cb", "http:"),
        ("https://bücher.example/acs", "https://xn--bcher-kva.example"),
        ("com.example.app:/cb", "com.example.app:"),
    ],
)
def test_source_expressions(address: str, source: str) -> None:
    assert csp_source(address) == source


@pytest.mark.parametrize("address", ["https://a;script-src *", "https://a' 'unsafe-inline'/", "https://a,b/"])
def test_a_host_can_not_write_policy(address: str) -> None:
    with pytest.raises(BadMessage):
        csp_source(address)


@given(st.text(max_size=60).map(lambda tail: "https://" + tail))
@example("https://a\u2028b/")
@example("https://\u2100.example/")
def test_whatever_comes_out_is_one_source_expression(address: str) -> None:
    try:
        source = csp_source(address)
    except BadMessage:
        return
    assert re.fullmatch(r"https:(//[a-z0-9_.-]+(:\d+)?)?", source)

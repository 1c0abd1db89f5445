"""Attacks by what a page says, by foreign pages and by headers, by their numbers in the list of attacks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from idp.store import revisioned
from tests.oidc.house import BASE, PASSWORD, House, build, prepare
from tests.walks.browser import Browser
from tests.walks.halfway import halfway
from tests.walks.server import Server

Visitor = Callable[..., Browser]
_EVIL = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Server": "evil.example",
    "X-Forwarded-Proto": "ftp",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil.example",
    "X-Original-URL": "/evil.example",
    "Forwarded": "host=evil.example;proto=https",
}
# A page of another site, of a neighbouring one, of none that says who it is; with and without
# the header that newer browsers send.
_FOREIGN = (
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "null"},
)


@pytest.fixture
def house(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """Give the whole application in this process, to look inside while it works."""
    monkeypatch.setattr(revisioned, "CHECK_EVERY", 60.0)
    built = build(prepare(tmp_path_factory.mktemp("house")), tmp_path / "data")
    yield built
    built.store.dispose()


# What is drawn anew for each page.
_DRAWN = re.compile(r'signin/\w+|from=\w+|nonce="[^"]+"|challenge&#34;: &#34;[\w-]{43}')


# 63: who exists -----------------------------------------------------------------------------------
def test_case_63_pages_do_not_tell_who_exists(visitor: Visitor, server: Server, wiki: str) -> None:
    right, disabled, locked = (server.someone() for _ in range(3))
    bare = server.someone(app=False)
    server.idp("person", "disable", disabled.name)
    stranger = visitor().authorize(wiki)
    for _ in range(11):
        stranger.password(locked, password="guess")
    pages = set()
    for name, password in [
        (right.name, "guess"),
        (bare.name, "guess"),
        ("nobody-of-that-name", "guess"),
        (disabled.name, "guess"),
        (disabled.name, disabled.password),
        (locked.name, "guess"),
        (locked.name, locked.password),
    ]:
        answer = visitor().authorize(wiki).submit(username=name, password=password)
        text = answer.text.replace(f'value="{name}"', "")
        pages.add((answer.status, _DRAWN.sub("", text)))
    assert len(pages) == 1
    assert "sign-in pauses for 15 minutes" in pages.pop()[1]


def test_case_63_the_same_work_is_done_for_everybody(house: House) -> None:
    people = {name: house.add_person(name) for name in ("right", "disabled", "locked", "bare")}
    for name in ("right", "disabled", "locked"):
        house.enrol(people[name])
    with house.store.write() as unit:
        house.people.set_enabled(unit, people["disabled"].id, enabled=False)
    statements: list[str] = []
    event.listen(
        house.store.engine, "before_cursor_execute", lambda _c, _u, text, *_: statements.append(text)
    )
    work = {}
    for name, password in [
        *[("locked", "guess")] * 11,
        ("right", "guess"),
        ("bare", "guess"),
        ("nobody", "guess"),
        ("disabled", PASSWORD),
        ("locked", PASSWORD),
    ]:
        browser = house.browser()
        page = house.authorize(browser).headers["Location"]
        statements.clear()
        answer = {"factor": "password", "method": "", "username": name, "password": password}
        assert browser.post(page, base_url=BASE, data=answer).status_code == 200
        work[name] = list(statements)
    assert len(work) == 5
    assert len({tuple(done) for done in work.values()}) == 1, {n: len(d) for n, d in work.items()}


# 64: whose address --------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/oidc/jwks", "/saml/metadata"])
def test_case_64_documents_name_the_configured_address(server: Server, path: str) -> None:
    _, _, expected = server.get(path)
    status, headers, body = server.get(path, **_EVIL)
    assert status == 200
    assert "evil" not in str(headers)
    assert b"evil" not in body
    if path != "/saml/metadata":  # which carries a date and its signature
        assert body == expected
    assert server.base.encode() in body or path == "/oidc/jwks"


def test_case_64_redirects_and_pages_ignore_the_host_header(server: Server, visitor: Visitor) -> None:
    browser = visitor()
    browser.web.headers.update(_EVIL)
    browser.authorize("wiki")
    assert (browser.heading, browser.status) == ("Sign in", 200)
    assert "evil" not in browser.text
    person = server.someone()
    assert browser.password(person).heading == "Enter your code"
    assert browser.code(person).issued
    assert browser.left is not None
    assert browser.left.parameters["iss"] == server.base
    for path in (
        "/signin//evil.example",
        "//evil.example/",
        "/signin/../../evil.example",
        "/%5Cevil.example",
    ):
        status, headers, _ = server.get(path, Host="evil.example")
        assert (status, headers.get("Location")) == (404, None)


# 65: forms of foreign pages -----------------------------------------------------------------------
@pytest.mark.parametrize("headers", _FOREIGN, ids=str)
def test_case_65_a_foreign_page_sends_no_form_of_ours(
    browser: Browser, server: Server, wiki: str, headers: dict[str, str]
) -> None:
    half = halfway(server, browser, wiki)
    answer = {"factor": "totp", "method": half.method, "code": half.person.code()}
    for action in ("", "/choose", "/enrol", "/confirm", "/cancel", "/again"):
        browser.post(half.address + action, answer, **headers)
        assert (browser.status, browser.left) == (400, None)
        assert "sent from another site" in browser.text
    assert browser.open(half.address).submit(code=answer["code"]).issued
    assert browser.post("/signout", {}, **headers).status == 400
    assert browser.authorize(wiki, prompt="none").issued


def test_case_65_a_link_changes_nothing(browser: Browser, server: Server, wiki: str) -> None:
    half = halfway(server, browser, wiki)
    for action in ("/choose", "/enrol", "/confirm", "/cancel", "/again"):
        assert browser.open(half.address + action).status in (404, 405)
    half.ends_well()
    # Signing out asks first.
    assert browser.open("/signout").heading == "Sign out?"
    assert browser.authorize(wiki, prompt="none").issued


def test_case_65_a_framed_page_is_not_shown(browser: Browser, server: Server, wiki: str) -> None:
    for path in (browser.authorize(wiki).address, "/signout", "/", "/nonsense"):
        _, headers, _ = server.get(path.removeprefix(server.base))
        assert headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


# 49: cookies --------------------------------------------------------------------------------------
def test_case_49_cookies_are_closed_to_scripts_and_other_sites(
    browser: Browser, server: Server, wiki: str
) -> None:
    person, seen = server.someone(), {}
    browser.web.hooks["response"].append(
        lambda answer, *_, **__: seen.update(
            (line.partition("=")[0], line) for line in answer.raw.headers.getlist("Set-Cookie")
        )
    )
    browser.authorize(wiki).password(person).code(person)
    assert set(seen) == {"countersign-browser", "countersign-session", "countersign-device"}
    for line in seen.values():
        parts = {part.strip() for part in line.split(";")[1:]}
        assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= parts
        assert "domain" not in line.lower()
    # Those of a session go when the browser closes; a device is remembered.
    assert "Max-Age" not in seen["countersign-session"] + seen["countersign-browser"]
    assert "Max-Age" in seen["countersign-device"]


def test_case_49_cookies_of_a_real_address_are_bound_to_it(house: House) -> None:
    house.enrol(house.add_person())
    browser = house.browser()
    first = house.authorize(browser)
    last = house.walk(browser, first)
    lines = first.headers.getlist("Set-Cookie") + last.headers.getlist("Set-Cookie")
    assert {line.partition("=")[0] for line in lines} == {
        f"__Host-countersign-{name}" for name in ("browser", "session", "device")
    }
    for line in lines:
        parts = {part.strip() for part in line.split(";")[1:]}
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= parts
        assert "domain" not in line.lower()


# 72: capital letters ------------------------------------------------------------------------------
def test_case_72_one_person_however_the_name_is_written(visitor: Visitor, server: Server, wiki: str) -> None:
    person = server.someone()
    spellings = [
        person.name.upper(),
        person.name.title(),
        person.name.translate({letter: letter + 0xFEE0 for letter in range(0x21, 0x7F)}),
        f" {person.name} ",
    ]
    for spelling in spellings:
        assert visitor().authorize(wiki).password(person, username=spelling).heading == "Enter your code"
    with pytest.raises(AssertionError, match="already"):
        server.idp("person", "add", spellings[0], "--password-stdin", given="another password\n")
    # And the wrong tries of all spellings are counted together.
    stranger = visitor().authorize(wiki)
    for number in range(11):
        stranger.password(person, username=spellings[number % 3], password="guess")
    assert stranger.password(person).heading == "Sign in"


@pytest.mark.parametrize("client", ["WIKI", "Wiki", "wiki ", "ｗｉｋｉ", "wiki\0"])
def test_case_72_an_application_is_named_exactly(browser: Browser, client: str) -> None:
    browser.authorize(client)
    assert (browser.status, browser.left) == (400, None)

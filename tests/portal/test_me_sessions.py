"""Sessions one by one at /me: what is seen of them, what ends with one, and that nobody ends another's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from io import StringIO

import pytest
from flask.testing import FlaskClient

from idp.app.ground import make_ground
from idp.app.web import build_app
from idp.audit import AuditLog, to_stream
from idp.jobs import Outbox
from idp.partners.oidc import register
from idp.store import open_store
from idp.web.settings import WebSettings
from tests.admin.conftest import BASE, TEST, Browser, Console
from tests.oidc.house import CALLBACK, SECRET, VERIFIER, asking, said
from tests.portal.acts import carriers, sent

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SESSION = re.compile(r'action="/me/sessions/([^"]+)"')
GONE = "not open any more"


@pytest.fixture
def clients(console: Console) -> Console:
    """Two applications: one that can be told of a sign-out, and one that can't."""
    for name, told in (("wiki", ""), ("library", "https://library.example/told")):
        settings = register(
            redirect_uris=[CALLBACK], secret=SECRET, refresh=True, backchannel_logout_uri=told
        )
        console.desk.partners.add_oidc(name, settings, name=name.title(), actor=TEST)
    return console


def phone(console: Console, name: str = "ada") -> Browser:
    """Return a browser on a phone, elsewhere, with the person at their page."""
    other = console.browser()
    other.client.environ_base |= {"HTTP_USER_AGENT": PHONE, "REMOTE_ADDR": "198.51.100.9"}
    return other.sign_in(name, "/me")


def open_in(browser: Browser, client_id: str = "wiki", scope: str = "openid") -> dict[str, str]:
    """Open an application in a browser; return the tokens that it gets."""
    path = "/oidc/authorize"
    asked = asking(client_id=client_id, scope=scope)
    answer = browser.client.get(path, base_url=BASE, query_string=asked)
    if "offline_access" in scope:
        agreed = answer.headers["Location"] + "/confirm"
        answer = browser.client.post(agreed, base_url=BASE, data={"what": "consent", "answer": "yes"})
    code = said(answer)["code"]
    values = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    return tokens(browser.client, **values, client_id=client_id, code_verifier=VERIFIER)


def tokens(client: FlaskClient, **values: str) -> dict[str, str]:
    answer = client.post("/oidc/token", base_url=BASE, data={**values, "client_secret": SECRET})
    return dict(answer.get_json())


def knows(browser: Browser, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    return browser.client.get("/oidc/userinfo", base_url=BASE, headers=headers).status_code == 200


def shown(browser: Browser) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", browser.text)))


def waiting(console: Console) -> int:
    """Return how many applications wait to be told."""
    outbox = Outbox(console.store, console.sealer, console.clock)
    return sum(1 for _ in iter(lambda: outbox.lease(["oidc-logout"]), None))


def ended(console: Console) -> Iterator[str]:
    return (line for line in console.log.getvalue().splitlines() if '"event":"signed-out"' in line)


# What is seen -----------------------------------------------------------------------------------
def test_it_says_which_browser_from_where_and_what_was_opened_there(clients: Console, ada: Browser) -> None:
    other = phone(clients)
    open_in(other)
    ada.client.environ_base["HTTP_USER_AGENT"] = WINDOWS
    text = shown(ada.open("/me"))
    here, there = text.index("This browser"), text.index("Safari on iPhone")
    assert here < there
    assert "198.51.100.9" in text[there:]
    assert "Opened there: Wiki" in text[there:]
    assert len(SESSION.findall(ada.text)) == 1
    assert "Your account" not in text[: text.index("What happened lately")], (
        "our own pages are no applications"
    )


def test_when_something_was_opened_last_is_when_it_was_used(clients: Console, ada: Browser) -> None:
    other = phone(clients)
    open_in(other)
    clients.clock.advance(minutes=10)
    open_in(other)
    clients.clock.advance(minutes=1)
    found = clients.desk.sessions.listing("ada", actor=TEST)[0].opened
    assert (clients.clock.now() - found.last_used_at).total_seconds() == 60
    assert (clients.clock.now() - found.created_at).total_seconds() == 660


def test_what_ran_out_is_not_shown(clients: Console, ada: Browser) -> None:
    phone(clients)
    clients.clock.advance(hours=8)
    ada.sign_in("ada", "/me")
    assert SESSION.findall(ada.text) == []


# What ends --------------------------------------------------------------------------------------
def test_one_is_signed_out_with_its_tokens_and_the_rest_stays(clients: Console, ada: Browser) -> None:
    mine, other = open_in(ada), phone(clients)
    theirs = open_in(other, scope="openid offline_access")
    open_in(other, "library")
    (session,) = SESSION.findall(ada.open("/me").text)
    text = shown(ada.post(f"/me/sessions/{session}"))
    assert re.search(r"Wiki May still be signed in", text)
    assert re.search(r"Library Was told to sign you out", text)
    assert SESSION.findall(ada.text) == []
    assert other.open("/me").path.startswith("/signin/"), "it is gone at once"
    assert not knows(other, theirs["access_token"])
    again = {"grant_type": "refresh_token", "client_id": "wiki"}
    assert "error" in tokens(other.client, **again, refresh_token=theirs["refresh_token"])
    assert knows(ada, mine["access_token"])
    assert waiting(clients) == 1
    (line,) = ended(clients)
    assert session in line
    assert '"left":' in line


def test_all_the_others_are_signed_out_at_once(clients: Console, ada: Browser) -> None:
    others = [phone(clients), phone(clients)]
    assert "They are signed out here" in ada.post("/me/sessions").text
    assert all(other.open("/me").path.startswith("/signin/") for other in others)
    assert ada.open("/me").path == "/me"
    assert GONE in ada.post("/me/sessions").text, "there are no others"


def test_every_node_knows_at_once(clients: Console, ada: Browser) -> None:
    store = open_store(clients.store.engine.url.render_as_string(hide_password=False))
    ground = make_ground(
        clock=clients.clock,
        store=store,
        state=clients.state,
        sealer=clients.sealer,
        audit=AuditLog(clients.clock, to_stream(StringIO())),
    )
    node = Console(
        build_app(ground, WebSettings.of(base_url=BASE)),
        store,
        clients.clock,
        clients.state,
        clients.sealer,
        StringIO(),
        clients.desk,
    )
    other = phone(node)
    assert other.open("/me").path == "/me"
    (session,) = SESSION.findall(ada.open("/me").text)
    ada.post(f"/me/sessions/{session}")
    assert other.open("/me").path.startswith("/signin/")
    store.dispose()


def test_a_sign_in_under_way_does_not_bring_it_back(clients: Console, ada: Browser) -> None:
    other = phone(clients)
    # An application that wants something fresh: the sign-in began with what the session had proved.
    parked = other.client.get(
        "/oidc/authorize", base_url=BASE, query_string=asking(scope="openid", prompt="consent")
    ).headers["Location"]
    (session,) = SESSION.findall(ada.open("/me").text)
    ada.post(f"/me/sessions/{session}")
    assert "User name" in other.open(parked).text


# Rights -----------------------------------------------------------------------------------------
def test_nobody_ends_or_sees_another_persons_session(clients: Console, ada: Browser) -> None:
    bob, other = clients.browser().sign_in("bob", "/me"), phone(clients)
    (session,) = SESSION.findall(ada.open("/me").text)
    bob.open("/me")
    assert SESSION.findall(bob.text) == []
    answers = [bob.post(f"/me/sessions/{one}") for one in (session, "unknown", "x" * 5000, "\x00")]
    pages = {re.sub(r'nonce="[^"]*"|<time.*?</time>', "", answer.text) for answer in answers}
    assert len(pages) == 1, "nobody learns which there are"
    assert GONE in bob.text
    assert other.open("/me").path == "/me"
    assert list(ended(clients)) == []


def test_this_browsers_own_is_left_to_a_sign_out(clients: Console, ada: Browser) -> None:
    mine = clients.desk.sessions.listing("ada", actor=TEST)[0].opened.id
    assert GONE in ada.post(f"/me/sessions/{mine}").text
    assert ada.open("/me").path == "/me"
    assert 'href="/signout"' in ada.text


def test_case_65_other_sites_sign_nobody_out(clients: Console, ada: Browser) -> None:
    other = phone(clients)
    (session,) = SESSION.findall(ada.open("/me").text)
    for path in ("/me/sessions", f"/me/sessions/{session}"):
        assert ada.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status == 400
    assert other.open("/me").path == "/me"


def test_whoever_signed_in_a_while_ago_shows_it_again(clients: Console, ada: Browser) -> None:
    clients.clock.advance(minutes=16)
    other = phone(clients)
    session = next(one.opened.id for one in clients.desk.sessions.listing("ada", actor=TEST))
    for path in ("/me/sessions", f"/me/sessions/{session}"):
        assert ada.post(path).path.startswith("/signin/")
    assert other.open("/me").path == "/me"


# It was not me ----------------------------------------------------------------------------------
def test_this_was_not_me_says_what_could_not_be_ended(clients: Console, ada: Browser) -> None:
    carriers(clients)
    clients.desk.blocks.set(tell=["admin@example.org"], actor=TEST)
    other = phone(clients)
    theirs = open_in(other, scope="openid offline_access")
    open_in(other, "library")
    text = shown(ada.post("/me/not-me"))
    assert "Wiki May still be signed in" in text
    assert "Library Was told to sign you out" in text
    assert "could not be told" in text
    assert not knows(other, theirs["access_token"])
    assert '"event":"sign-in-disowned"' in clients.log.getvalue()
    assert '"left":' in clients.log.getvalue()
    told = {one["to"]: one["text"] for one in sent(clients)}
    assert set(told) == {"ada@example.org", "admin@example.org"}
    assert "ada said that somebody else was signed in as them" in told["admin@example.org"]
    assert "Could not be told, so they may still be signed in there: Wiki" in told["admin@example.org"]

"""Consent and telling applications of a sign-out, in a real browser and through the real worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Thread
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet
from playwright.sync_api import expect
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from tests.walks.conftest import Demo
from tests.walks.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

pytestmark = pytest.mark.browser

NewWindow = Callable[..., Window]
CHALLENGE = "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"
_numbers = count(1)


@dataclass
class App:
    """An application on another site than the provider: what browsers and servers brought it."""

    client_id: str
    base: str = ""
    framed: list[dict[str, list[str]]] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)
    let_go: Event = field(default_factory=Event)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        if request.path == "/out":
            self.framed.append(parse_qs(request.query_string.decode()))
        elif request.path == "/hangs":
            self.let_go.wait(60)
        elif request.path == "/behind":
            self.posted.append(request.form["logout_token"])
        return Response(f"<title>App</title><h1>{request.path}</h1>", mimetype="text/html")(environ, start)

    def begin(self, demo: Demo, **changed: str) -> str:
        """Return the address that starts a sign-in."""
        asked = {
            "client_id": self.client_id,
            "redirect_uri": self.base + "/cb",
            "response_type": "code",
            "scope": "openid profile email",
            "state": "s",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changed,
        }
        return f"{demo.provider}/oidc/authorize?{urlencode(asked)}"

    def register(self, demo: Demo, *options: str) -> None:
        name = ("--name", "Library", "--public", "--redirect-uri", self.base + "/cb")
        demo.installation.idp("partner", "add-oidc", self.client_id, *name, *options)
        time.sleep(2.5)  # so that every worker has heard of it


@pytest.fixture
def app() -> Iterator[App]:
    app = App(client_id=f"library-{next(_numbers)}")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    app.base = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield app
    app.let_go.set()
    server.shutdown()
    thread.join()
    server.server_close()


def answer(window: Window) -> dict[str, list[str]]:
    """Return what the application was told when the browser came back."""
    expect(window.tab.locator("h1")).to_have_text("/cb")
    return parse_qs(urlsplit(window.tab.url).query)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_reads_what_is_asked_and_decides(
    demo: Demo, new_window: NewWindow, app: App, scripts: bool
) -> None:
    app.register(demo, "--ask-consent")
    person, window = demo.someone(), new_window(java_script_enabled=scripts)
    window.open(app.begin(demo))
    window.sign_in(person)
    window.heading("Share your details?")
    page = window.tab.locator("main")
    expect(page).to_contain_text("Library")
    expect(page).to_contain_text(f"{person.name}@example.org")
    window.tab.get_by_role("button", name="Don’t share").click()
    assert answer(window)["error"] == ["access_denied"]
    # Nothing was answered, so nobody was signed in.
    window.open(app.begin(demo))
    window.sign_in(person)
    window.heading("Share your details?")
    window.tab.get_by_role("button", name="Share and continue").click()
    assert "code" in answer(window)
    window.open(app.begin(demo))
    assert "code" in answer(window), "asked once"
    assert app.client_id in demo.installation.idp("consent", "list", person.name)
    demo.installation.idp("consent", "withdraw", person.name, app.client_id)
    window.open(app.begin(demo))
    window.heading("Share your details?")


@pytest.mark.parametrize("scripts", [True, False])
def test_applications_are_told_by_frame_and_server(
    demo: Demo, new_window: NewWindow, app: App, scripts: bool
) -> None:
    base = app.base
    app.register(
        demo, "--frontchannel-logout-uri", base + "/out", "--backchannel-logout-uri", base + "/behind"
    )
    window = new_window(java_script_enabled=scripts)
    window.open(app.begin(demo))
    window.sign_in(demo.someone())
    assert "code" in answer(window)
    window.open(demo.provider + "/signout")
    window.tab.get_by_role("button", name="Sign out").click()
    window.heading("You are signed out")
    said = window.tab.locator(".facts li", has_text="Library")
    expect(said).to_contain_text("Was told to sign you out")
    (framed,) = app.framed
    assert framed["iss"] == [demo.provider]
    assert token(demo, app)["sid"] == framed["sid"][0]


def token(demo: Demo, app: App) -> dict[str, object]:
    """Return the claims of the logout token that the worker posts, verified by the published keys."""
    deadline = time.monotonic() + 20
    while not app.posted and time.monotonic() < deadline:
        time.sleep(0.2)
    published = requests.get(demo.provider + "/oidc/jwks", timeout=30).json()
    keys = KeySet.import_key_set(published)
    return dict(jwt.decode(app.posted[0], keys).claims)


def test_a_frame_that_hangs_keeps_nobody_waiting(demo: Demo, window: Window, app: App) -> None:
    app.register(demo, "--frontchannel-logout-uri", app.base + "/hangs")
    window.open(app.begin(demo))
    window.sign_in(demo.someone())
    assert "code" in answer(window)
    window.open(demo.provider + "/signout")
    began = time.monotonic()
    window.tab.get_by_role("button", name="Sign out").click(no_wait_after=True)
    window.heading("You are signed out")
    assert time.monotonic() - began < 15

"""Clients are told that a session ended: by their server, by a frame, and never more is claimed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.serving import make_server
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request, Response

from idp.app.desk import build_desk
from idp.jobs.outbox import TRIES
from idp.net import HttpClient, Reach
from idp.oidc.backchannel import LOGOUT_EVENT, BackChannel
from tests.oidc.house import BASE, CALLBACK, GOODBYE, TEST, House, decoded
from tests.oidc.test_logout import agree, leave, signed_in

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

FRAMED = "https://wiki.example/frontchannel?tenant=1"
KIND = "oidc-logout"


@dataclass
class Receiver:
    """The server of a client, on loopback: answers with the next status, 200 when there is none."""

    house: House
    statuses: list[int] = field(default_factory=list)
    heard: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        assert request.mimetype == "application/x-www-form-urlencoded"
        self.heard.append((request.path, request.form.to_dict()))
        return Response(status=self.statuses.pop(0) if self.statuses else 200)(environ, start)

    def deliver(self) -> None:
        """Do what the worker does until nothing is due."""
        ground = self.house.ground
        handler = BackChannel(
            partners=ground.partners,
            issuers=ground.issuers,
            ring=ground.keys,
            clock=ground.clock,
            audit=ground.audit,
            http=HttpClient(Reach.of(loopback=True)),
        )
        while leased := ground.outbox.lease([KIND]):
            ground.outbox.settle(leased, handler(ground.outbox.open(leased)))

    def tokens(self) -> list[dict[str, Any]]:
        """Return the claims of the logout tokens that came, each verified by the published keys."""
        published = self.house.app.test_client().get("/oidc/jwks", base_url=BASE).get_json()
        keys = KeySet.import_key_set(published)
        tokens = []
        for _, form in self.heard:
            assert list(form) == ["logout_token"]
            token = jwt.decode(form["logout_token"], keys, algorithms=["RS256", "ES256"])
            assert token.header["typ"] == "logout+jwt"
            tokens.append(token.claims)
        return tokens


@contextmanager
def serving(receiver: Receiver) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, receiver, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def receiver(house: House) -> Iterator[Receiver]:
    """Return the server of the client behind, and of whatever else is registered there."""
    receiver = Receiver(house)
    with serving(receiver) as base:
        house.add_client("behind", backchannel_logout_uri=base + "/behind")
        house.add_client("curve", id_token_alg="ES256", backchannel_logout_uri=base + "/curve")
        yield receiver


@pytest.fixture
def browser(house: House) -> FlaskClient:
    return house.browser(house.add_person())


def opened(house: House, browser: FlaskClient, client_id: str) -> dict[str, Any]:
    """Open an application; return its ID token's claims and the token itself."""
    answer = house.token(house.code(browser, client_id=client_id), client_id=client_id).get_json()
    return {**decoded(answer["id_token"])[1], "token": answer["id_token"]}


def sign_out(browser: FlaskClient) -> TestResponse:
    return browser.post("/signout", base_url=BASE)


def frames(page: TestResponse) -> list[str]:
    return [unescape(address) for address in re.findall(r'<iframe[^>]* src="([^"]+)"', page.text)]


def onward(browser: FlaskClient, page: TestResponse) -> TestResponse:
    found = re.search(r'<a[^>]* id="onward" href="(/signout/onward/[^"]+)"', page.text)
    assert found is not None, page.text
    return browser.get(found[1], base_url=BASE)


# Behind the browser's back ------------------------------------------------------------------------
def test_backchannel_rp_initiated_logout(house: House, receiver: Receiver, browser: FlaskClient) -> None:
    told = opened(house, browser, "behind")
    done = leave(browser, id_token_hint=told["token"], post_logout_redirect_uri=GOODBYE)
    assert done.headers["Location"] == GOODBYE
    receiver.deliver()
    (token,) = receiver.tokens()
    assert receiver.heard[0][0] == "/behind"
    assert {name: token[name] for name in ("iss", "aud", "sub", "sid")} == {
        "iss": BASE,
        "aud": "behind",
        "sub": told["sub"],
        "sid": told["sid"],
    }
    assert token["events"] == {LOGOUT_EVENT: {}}
    assert 0 < token["exp"] - token["iat"] <= 120
    assert token["jti"]
    assert "nonce" not in token
    assert not signed_in(house, browser)


def test_each_client_gets_its_algorithm_and_its_own_session(
    house: House, receiver: Receiver, browser: FlaskClient
) -> None:
    sids = {opened(house, browser, name)["sid"] for name in ("behind", "curve")}
    sign_out(browser)
    receiver.deliver()
    assert {token["sid"] for token in receiver.tokens()} == sids
    algorithms = {address: decoded(form["logout_token"])[0]["alg"] for address, form in receiver.heard}
    assert algorithms == {"/behind": "RS256", "/curve": "ES256"}


def test_word_is_left_with_the_end_of_the_session_itself(
    house: House, receiver: Receiver, browser: FlaskClient
) -> None:
    opened(house, browser, "behind")
    assert not house.ground.outbox.waiting([KIND])
    sign_out(browser)
    assert house.ground.outbox.waiting([KIND])
    sign_out(browser)
    receiver.deliver()
    assert len(receiver.heard) == 1


def test_a_disabled_persons_applications_are_told(house: House, receiver: Receiver) -> None:
    ada = house.add_person()
    sids = {opened(house, house.browser(ada), "behind")["sid"] for _ in range(2)}
    ground = house.ground
    desk = build_desk(store=ground.store, clock=ground.clock, sealer=ground.sealer, audit=ground.audit)
    desk.people.disable("ada", actor=TEST)
    receiver.deliver()
    assert {token["sid"] for token in receiver.tokens()} == sids


def test_the_former_persons_applications_are_told(
    house: House, receiver: Receiver, browser: FlaskClient
) -> None:
    told = opened(house, browser, "behind")
    house.enrol(house.add_person("eve"))
    house.walk(browser, house.authorize(browser, prompt="login"), name="eve")
    receiver.deliver()
    assert [token["sid"] for token in receiver.tokens()] == [told["sid"]]


@pytest.mark.parametrize("trouble", [503, 429])
def test_a_server_in_trouble_is_told_later_with_a_new_token(
    house: House, receiver: Receiver, browser: FlaskClient, trouble: int
) -> None:
    opened(house, browser, "behind")
    sign_out(browser)
    receiver.statuses = [trouble]
    receiver.deliver()
    assert len(receiver.heard) == 1
    house.clock.advance(seconds=10)
    receiver.deliver()
    first, second = receiver.tokens()
    assert first["sid"] == second["sid"]
    assert first["jti"] != second["jti"]
    house.clock.advance(hours=1)
    receiver.deliver()
    assert len(receiver.heard) == 2


def _failures(house: House) -> list[Mapping[str, Any]]:
    with house.store.read() as connection:
        events = house.ground.audit.search(connection)
    return [event.detail for event in events if event.event == "sign-out-failed"]


@pytest.mark.parametrize("status", [400, 404, 302])
def test_a_no_is_recorded_and_not_asked_again(
    house: House, receiver: Receiver, browser: FlaskClient, status: int
) -> None:
    opened(house, browser, "behind")
    sign_out(browser)
    receiver.statuses = [status]
    receiver.deliver()
    house.clock.advance(hours=1)
    receiver.deliver()
    assert len(receiver.heard) == 1
    assert _failures(house) == [{"way": "back-channel", "problem": f"status {status}"}]


def test_a_server_that_stays_away_is_given_up_and_recorded(
    house: House, receiver: Receiver, browser: FlaskClient
) -> None:
    opened(house, browser, "behind")
    sign_out(browser)
    receiver.statuses = [502] * TRIES
    for _ in range(TRIES + 2):
        receiver.deliver()
        house.clock.advance(hours=2)
    assert len(receiver.heard) == TRIES
    assert _failures(house) == [{"way": "back-channel", "problem": "status 502"}]


def test_a_server_that_is_not_there_is_tried_again(house: House, browser: FlaskClient) -> None:
    receiver = Receiver(house)
    with serving(receiver) as base:
        house.add_client("behind", backchannel_logout_uri=base + "/behind")
    opened(house, browser, "behind")
    sign_out(browser)
    receiver.deliver()
    assert not house.ground.outbox.waiting([KIND])
    house.clock.advance(seconds=10)
    assert house.ground.outbox.waiting([KIND])
    assert _failures(house) == []


def test_case_42_a_logout_address_inside_is_not_called(house: House, browser: FlaskClient) -> None:
    house.add_client("inside", backchannel_logout_uri="https://10.0.0.1/logout")
    opened(house, browser, "inside")
    sign_out(browser)
    Receiver(house).deliver()
    assert _failures(house) == [{"way": "back-channel", "problem": "blocked"}]


def test_a_client_switched_off_meanwhile_is_not_told(
    house: House, receiver: Receiver, browser: FlaskClient
) -> None:
    opened(house, browser, "behind")
    sign_out(browser)
    house.change("behind", enabled=False)
    receiver.deliver()
    assert receiver.heard == []


def test_case_31_a_logout_token_is_no_id_token_hint(
    house: House, receiver: Receiver, browser: FlaskClient
) -> None:
    opened(house, browser, "behind")
    sign_out(browser)
    receiver.deliver()
    assert house.id_tokens.read(receiver.heard[0][1]["logout_token"]) is None


# In frames --------------------------------------------------------------------------------------
def test_frontchannel_rp_initiated_logout(house: House, browser: FlaskClient) -> None:
    house.add_client("framed", frontchannel_logout_uri=FRAMED)
    told = opened(house, browser, "framed")
    page = leave(browser, id_token_hint=told["token"], post_logout_redirect_uri=GOODBYE, state="s")
    (frame,) = frames(page)
    assert frame.startswith(FRAMED + "&")
    assert parse_qs(urlsplit(frame).query) == {"tenant": ["1"], "iss": [BASE], "sid": [told["sid"]]}
    assert not signed_in(house, browser)
    assert onward(browser, page).headers["Location"] == GOODBYE + "?state=s"


def test_frames_may_be_loaded_from_the_applications_and_nowhere_else(
    house: House, browser: FlaskClient
) -> None:
    house.add_client("framed", frontchannel_logout_uri=FRAMED)
    other = "https://other.example:8443/out"
    house.add_client(
        "other", redirect_uris=[CALLBACK, "https://other.example:8443/cb"], frontchannel_logout_uri=other
    )
    for client_id in ("framed", "other", "wiki"):
        opened(house, browser, client_id)
    page = sign_out(browser)
    policy = page.headers["Content-Security-Policy"]
    allowed = re.search("frame-src ([^;]+);", policy)
    assert allowed is not None
    assert set(allowed[1].split()) == {"https://wiki.example", "https://other.example:8443"}
    assert "default-src 'none'" in policy
    assert page.text.count('sandbox="allow-scripts allow-same-origin"') == len(frames(page)) == 2
    assert "frame-src" not in onward(browser, page).headers["Content-Security-Policy"]


def test_no_more_is_claimed_than_is_known(house: House, receiver: Receiver, browser: FlaskClient) -> None:
    house.add_client("framed", frontchannel_logout_uri=FRAMED)
    for client_id in ("framed", "wiki", "behind"):
        opened(house, browser, client_id)
    done = onward(browser, sign_out(browser))
    said = dict(re.findall(r"<bdi>(\w+)</bdi> <small>([^<]+)</small>", done.text))
    assert said == {
        "Framed": "Was told to sign you out",
        "Behind": "Was told to sign you out",
        "Wiki": "May still be signed in",
    }


def test_a_client_that_asked_needs_no_word(house: House, browser: FlaskClient) -> None:
    done = leave(browser, id_token_hint=opened(house, browser, "wiki")["token"])
    assert "May still be signed in" not in done.text


def test_another_browser_does_not_go_on_with_a_sign_out(house: House, browser: FlaskClient) -> None:
    house.add_client("framed", frontchannel_logout_uri=FRAMED)
    opened(house, browser, "framed")
    page = sign_out(browser)
    assert onward(house.browser(), page).status_code == 400


def test_after_agreeing_frames_come_first(house: House, browser: FlaskClient) -> None:
    house.add_client("framed", frontchannel_logout_uri=FRAMED)
    opened(house, browser, "framed")
    page = agree(browser, leave(browser, client_id="framed", post_logout_redirect_uri=GOODBYE))
    assert len(frames(page)) == 1
    assert onward(browser, page).headers["Location"] == GOODBYE

"""Pairwise ids: one a person and sector, stored, and good for hints and sign-out like public ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from idp.core.errors import Refused
from idp.partners.oidc import sector_of
from tests.oidc.house import GOODBYE, House, decoded, said
from tests.oidc.test_logout import leave, signed_in

# No id that is drawn by lot can have a full stop in it, as it can have three letters in a row.
NAME = "ada.lovelace"


@pytest.fixture
def browser(house: House) -> FlaskClient:
    house.add_client("pair", sector="wiki.example")
    house.add_client("twin", sector="wiki.example")
    house.add_client("stranger", sector="other.example")
    return house.browser(house.add_person(NAME))


def told(house: House, browser: FlaskClient, client_id: str) -> Mapping[str, Any]:
    """Return a client's ID token, its claims, and what userinfo says."""
    tokens = house.token(house.code(browser, client_id=client_id), client_id=client_id).get_json()
    userinfo = house.userinfo(tokens["access_token"]).get_json()
    return {"token": tokens["id_token"], "claims": decoded(tokens["id_token"])[1], "userinfo": userinfo}


def test_check_28_one_sub_in_a_sector_and_another_elsewhere(house: House, browser: FlaskClient) -> None:
    subs = {
        name: told(house, browser, name)["claims"]["sub"] for name in ("pair", "twin", "stranger", "wiki")
    }
    assert subs["pair"] == subs["twin"]
    assert len(set(subs.values())) == 3
    assert all(len(sub) <= 255 and sub.isascii() and NAME not in sub for sub in subs.values())


def test_check_28_the_same_in_userinfo_and_for_life(house: House, browser: FlaskClient) -> None:
    first = told(house, browser, "pair")
    assert first["userinfo"]["sub"] == first["claims"]["sub"]
    house.clock.advance(hours=9)
    with house.store.read() as connection:
        ada = house.people.find(connection, NAME)
    assert ada is not None
    assert told(house, house.browser(ada), "pair")["claims"]["sub"] == first["claims"]["sub"]


def test_a_hint_names_the_person(house: House, browser: FlaskClient) -> None:
    hint = told(house, browser, "pair")["token"]
    asking = {"client_id": "pair", "prompt": "none", "id_token_hint": hint}
    assert "code" in said(house.authorize(browser, **asking))
    eve = house.browser(house.add_person("eve"))
    assert said(house.authorize(eve, **asking))["error"] == "login_required"


def test_a_sub_can_be_asked_for(house: House, browser: FlaskClient) -> None:
    subs = {name: told(house, browser, name)["claims"]["sub"] for name in ("pair", "stranger")}
    for name, sub in subs.items():
        claims = json.dumps({"id_token": {"sub": {"value": sub}}})
        answer = said(house.authorize(browser, client_id="pair", prompt="none", claims=claims))
        assert ("code" in answer) is (name == "pair")


def test_a_public_id_is_no_key_to_a_pairwise_one(house: House, browser: FlaskClient) -> None:
    public = told(house, browser, "wiki")["claims"]["sub"]
    claims = {sub: json.dumps({"id_token": {"sub": {"value": sub}}}) for sub in (public, "nobody's")}
    for silent in ({"prompt": "none"}, {}):
        answers = [
            house.authorize(browser, client_id="pair", claims=each, **silent) for each in claims.values()
        ]
        kinds = {answer.headers["Location"].split("?")[0].rsplit("/", 1)[0] for answer in answers}
        assert len(kinds) == 1, "the same for the right public id as for any other"


def test_a_hint_signs_out(house: House, browser: FlaskClient) -> None:
    hint = told(house, browser, "pair")["token"]
    done = leave(browser, id_token_hint=hint, post_logout_redirect_uri=GOODBYE)
    assert done.headers["Location"] == GOODBYE
    assert not signed_in(house, browser)


def test_the_sector_is_the_one_host_of_all_addresses() -> None:
    assert sector_of(["https://Wiki.example/a", "https://wiki.example:8443/b"]) == "wiki.example"


@pytest.mark.parametrize(
    "addresses", [["https://a.example/", "https://b.example/"], ["com.example.app:/cb"], []]
)
def test_several_hosts_or_none_are_no_sector(addresses: list[str]) -> None:
    with pytest.raises(Refused):
        sector_of(addresses)


@pytest.mark.parametrize("sub", ["\0", "a\0b", "\ud800"])
def test_a_sub_that_no_database_takes_is_an_error_at_the_client(house: House, sub: str) -> None:
    house.add_client("pair", sector="wiki.example")
    wish = json.dumps({"id_token": {"sub": {"value": sub}}})
    answer = said(house.authorize(house.browser(), client_id="pair", claims=wish))
    assert answer["error"] == "invalid_request"

"""Two nodes behind nginx without stickiness: every request of a sign-in goes to the other node."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html import unescape
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.passkeys import SoftKey
from tests.phones import SoftPhone
from tests.saml.sp import Sp
from tests.walks.applications import Python3Saml
from tests.walks.browser import Browser
from tests.walks.farm import Farm, Node
from tests.walks.server import Someone


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    running = Farm(tmp_path_factory.mktemp("farm"))
    running.installation.client("wiki")
    running.start()
    yield running
    assert running.stop() == [0, 0, 0]
    assert all("Traceback" not in node.log() for node in running.nodes)


@pytest.fixture
def someone(farm: Farm) -> Someone:
    return farm.installation.someone()


def went(farm: Farm, since: int) -> None:
    """Check that requests went to one node and the other by turns."""
    nodes = [node for node, _ in farm.balancer.asked()[since:]]
    assert len(nodes) >= 6
    assert set(nodes) == {f"127.0.0.1:{node.port}" for node in farm.nodes}
    assert all(one != other for one, other in pairwise(nodes))


def test_openid_connect_over_two_nodes(farm: Farm, someone: Someone) -> None:
    since = len(farm.balancer.asked())
    with Browser(farm.base) as browser:
        assert browser.authorize("wiki").heading == "Sign in"
        assert browser.password(someone).heading == "Enter your code"
        assert browser.code(someone).issued
        assert browser.claims()["sub"]
        # Single sign-on, by the other node.
        assert browser.authorize("wiki").issued
    went(farm, since)


def test_saml_over_two_nodes(farm: Farm, someone: Someone, tmp_path: Path) -> None:
    ours = farm.nodes[0].get("/saml/metadata")[2]
    assert ours == farm.nodes[1].get("/saml/metadata")[2]
    application = Python3Saml(ours.decode(), Sp(rsa.generate_private_key(65537, 2048)), signs=True)
    (tmp_path / "metadata.xml").write_bytes(application.metadata())
    farm.installation.idp("partner", "import", str(tmp_path / "metadata.xml"))
    since = len(farm.balancer.asked())
    with Browser(farm.base) as browser:
        # At once: no node waits to hear of it.
        assert browser.open(application.ask(relay_state="/x").address).heading == "Sign in"
        assert browser.password(someone).code(someone).left is not None
        assert browser.left is not None
        assert application.accept(browser.left).attributes["uid"] == [someone.name]
        browser.open("/signout").submit()
        assert browser.open(application.ask().address).heading == "Sign in"
    went(farm, since)


def test_a_phone_answers_at_the_other_node_than_the_one_that_asked(farm: Farm) -> None:
    person = farm.installation.someone(app=False)
    with Browser(farm.base) as browser:
        phone = phone_at(farm, farm.nodes[1])
        browser.authorize("wiki").password(person).choose("push")
        code = re.search(r'id="setup-code"[^>]*>([^<]*)<', browser.text)
        assert code is not None
        assert phone.connect(code[1])["status"] == 200
        place = browser.address
        browser.post(place + "/enrol", {"factor": "push", "method": ""})
        phone.post = phone_at(farm, farm.nodes[0]).post
        assert phone.approve(number_in(browser)) == "approved"
        browser.post(place + "/enrol", {"factor": "push", "method": ""})
        assert browser.later().heading == "Save your recovery codes"
        assert browser.submit(saved="yes").issued
    with Browser(farm.base) as browser:
        browser.authorize("wiki").password(person)
        assert browser.heading == "Check your phone"
        # The password's answer asked; the page after it came from the other.
        asked = farm.balancer.asked()[-2][0]
        other = next(node for node in farm.nodes if asked != f"127.0.0.1:{node.port}")
        phone.post = phone_at(farm, other).post
        assert phone.approve(number_in(browser)) == "approved"
        for _ in farm.nodes:
            assert (
                json.loads(browser.web.get(browser.address + "/outcome", timeout=20).text)["state"]
                == "settled"
            )
        assert browser.submit().issued


def number_in(browser: Browser) -> str:
    found = re.search(r"<b>(\d\d)</b>", browser.text)
    assert found is not None, browser.text
    return found[1]


def phone_at(farm: Farm, node: Node) -> SoftPhone:
    """Return a phone that calls one of the nodes, by the address of all."""

    def post(path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        sent = requests.post(f"http://127.0.0.1:{node.port}{path}", data=body, timeout=20)
        return sent.status_code, sent.json()

    return SoftPhone(post=post, now=lambda: datetime.now(UTC), origin=farm.base)


def test_a_passkey_signs_in_over_two_nodes(farm: Farm) -> None:
    person, key = farm.installation.someone(app=False), SoftKey(origin=farm.base)
    with Browser(farm.base) as browser:
        browser.authorize("wiki").password(person)
        assert browser.heading == "Set up a passkey"
        credential = key.make(options_in(browser))
        browser.submit(credential=credential, label="laptop").later().submit(saved="yes")
        assert browser.issued
    since = len(farm.balancer.asked())
    with Browser(farm.base) as browser:
        browser.authorize("wiki")
        given = {"factor": "passkey", "method": "", "credential": key.show(options_in(browser))}
        assert browser.post(browser.address, given).issued
    assert len({node for node, _ in farm.balancer.asked()[since:]}) == 2


def options_in(browser: Browser) -> str:
    found = re.search(r'data-options="([^"]*)"', browser.text)
    assert found is not None, browser.text
    return unescape(found[1])


def test_the_address_is_the_browser_s_and_not_the_balancer_s(farm: Farm, someone: Someone) -> None:
    with Browser(farm.base, "203.0.113.77") as browser:
        assert browser.authorize("wiki").password(someone).code(someone).issued
    entries = farm.installation.json("audit", "--person", someone.name)
    seen = {entry["address"] for entry in entries if entry["event"] != "person-added"}
    assert "203.0.113.77" in seen
    assert "127.0.0.1" not in seen


def test_tries_at_both_nodes_count_together(farm: Farm, someone: Someone) -> None:
    with Browser(farm.base) as browser:
        browser.authorize("wiki").password(someone)
        for _ in range(10):
            browser.submit(code=someone.wrong_code())
        assert not browser.code(someone).issued


def test_what_is_switched_off_at_one_node_is_off_at_the_other(farm: Farm, someone: Someone) -> None:
    farm.installation.idp("partner", "disable", "wiki")
    try:
        farm.nodes[0].settle()
        for _ in farm.nodes:
            with Browser(farm.base) as browser:
                assert browser.authorize("wiki").status >= 400
    finally:
        farm.installation.idp("partner", "enable", "wiki")
        farm.nodes[0].settle()


def test_a_killed_redis_costs_only_what_was_under_way(farm: Farm, someone: Someone) -> None:
    with Browser(farm.base) as browser:
        browser.authorize("wiki").password(someone)
        action, fields = browser.form()
        typed = fields | {"code": someone.code()}
        farm.redis.kill()
        assert [node.get("/readyz")[0] for node in farm.nodes] == [503, 503]
        assert browser.post(action, typed).status == 503
        assert "not available just now" in browser.text
        farm.redis.start()
        assert [node.get("/readyz")[0] for node in farm.nodes] == [200, 200]
        # Gone, not let in; and begun again, it works.
        assert browser.post(action, typed).status == 410
        assert browser.authorize("wiki").password(someone).code(someone).issued


def test_a_killed_postgresql_costs_errors_only_while_it_is_away(farm: Farm, someone: Someone) -> None:
    with Browser(farm.base) as browser, Browser(farm.base) as other:
        assert browser.authorize("wiki").password(someone).code(someone).issued
        farm.postgres.kill()
        assert [node.get("/readyz")[0] for node in farm.nodes] == [503, 503]
        assert [node.get("/healthz")[0] for node in farm.nodes] == [200, 200]
        assert other.authorize("wiki").status == 503
        assert "not available just now" in other.text
        # Not "invalid": the client keeps its code, and comes again.
        assert browser.tokens()["error"] == "server_error"
        farm.postgres.start()
        assert [node.get("/readyz")[0] for node in farm.nodes] == [200, 200]
        assert browser.claims()["sub"]
        assert other.authorize("wiki").password(someone).code(someone).issued


@pytest.mark.skipif(not os.environ.get("COUNTERSIGN_LONG"), reason="`make check` does it")
def test_nodes_restarted_one_by_one_and_new_keys_cost_no_sign_in(farm: Farm, tmp_path: Path) -> None:
    """A steady load by both protocols meanwhile: whatever was begun is finished, and its signature right."""
    rested = SimpleQueue[Someone]()  # an app's code works once, and the next comes after half a minute
    for _ in range(40):
        rested.put(farm.installation.someone())
    sp = Sp(rsa.generate_private_key(65537, 2048))
    ours = farm.nodes[0].get("/saml/metadata")[2].decode()
    (tmp_path / "metadata.xml").write_bytes(Python3Saml(ours, sp, signs=False).metadata())
    farm.installation.idp("partner", "import", str(tmp_path / "metadata.xml"))
    stop, finished, failed = threading.Event(), Counter[str](), []

    def by_saml(browser: Browser, person: Someone) -> bool:
        application = Python3Saml(browser.open("/saml/metadata").text, sp, signs=False)
        browser.open(application.ask().address).password(person).code(person)
        assert browser.left is not None
        return application.accept(browser.left).attributes["uid"] == [person.name]

    def by_oidc(browser: Browser, person: Someone) -> bool:
        keys = KeySet.import_key_set(json.loads(browser.open("/oidc/jwks").text))
        assert browser.authorize("wiki").password(person).code(person).issued
        return bool(jwt.decode(browser.tokens()["id_token"], keys).claims["sub"])

    def sign_in_again_and_again(way: Callable[[Browser, Someone], bool]) -> None:
        while not stop.wait(0.2):
            person = rested.get()
            with Browser(farm.base) as browser:
                try:
                    assert way(browser, person)
                    finished[way.__name__] += 1
                except Exception as error:  # noqa: BLE001 - whatever it is, the test must hear of it
                    failed.append((repr(error), browser.status, browser.text[:2000]))
            rested.put(person)

    threads = [
        threading.Thread(target=sign_in_again_and_again, args=(way,)) for way in (by_saml, by_oidc) * 2
    ]
    for thread in threads:
        thread.start()
    for node in farm.nodes:
        time.sleep(1)
        assert node.stop() == 0
        farm.installation.idp("key", "rotate", "--force")
        node.start()
    time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join(120)
    assert failed == []
    assert min(finished["by_saml"], finished["by_oidc"]) >= 10

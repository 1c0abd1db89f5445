"""Third-party SAML applications, imported by `idp partner import` and signed in to over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.peers import require
from tests.saml.sp import Sp
from tests.walks.applications import Application, PySaml2, Python3Saml, Seen, TurnedAway
from tests.walks.browser import Browser
from tests.walks.node_application import PROGRAM, NodeSaml
from tests.walks.server import Server, Someone

Visitor = Callable[[], Browser]
_FORMAT = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
_FORMAT_1 = "urn:oasis:names:tc:SAML:1.1:nameid-format:"
PERSISTENT, TRANSIENT = _FORMAT + "persistent", _FORMAT + "transient"
EMAIL, UNSPECIFIED = _FORMAT_1 + "emailAddress", _FORMAT_1 + "unspecified"
PASSWORD_PROTECTED = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
REFEDS_MFA = "https://refeds.org/profile/mfa"
MULTIPLE_AUTHN = "http://schemas.microsoft.com/claims/multipleauthn"
UNKNOWN = "urn:example:blood-sample"
# What web frameworks hand over as the way back; node-saml signs %20 and sends +, so no space.
RELAY_STATE = '/reports/7?from=ä&to="<b>"'


@pytest.fixture(scope="package")
def sp() -> Sp:
    """Give a key and certificate of an application."""
    return Sp(rsa.generate_private_key(65537, 2048))


@pytest.fixture(scope="package")
def applications(
    server: Server,
    sp: Sp,
    node_program: Callable[[Path], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Application]]:
    """Give every application, each trusted by the provider after a look at its metadata."""
    folder = tmp_path_factory.mktemp("applications")
    ours = server.get("/saml/metadata")[2].decode()
    node = NodeSaml(ours, sp, node_program(PROGRAM))
    made: dict[str, Application] = {
        "pysaml2": PySaml2(ours, sp, folder, require("xmlsec1")),
        "pysaml2, unsigned": PySaml2(ours, sp, folder, require("xmlsec1"), signs=False),
        "python3-saml": Python3Saml(ours, sp, signs=True),
        "python3-saml, unsigned": Python3Saml(ours, sp, signs=False),
        "node-saml": node,
    }
    for name, application in made.items():
        (folder / "metadata.xml").write_bytes(application.metadata())
        server.idp("partner", "import", str(folder / "metadata.xml"), "--name", name.title())
    server.settle()
    yield made
    node.close()


@pytest.fixture(
    scope="module",
    params=["pysaml2", "pysaml2, unsigned", "python3-saml", "python3-saml, unsigned", "node-saml"],
)
def application(applications: dict[str, Application], request: pytest.FixtureRequest) -> Application:
    """Give one application after another."""
    return applications[request.param]


@pytest.fixture(scope="module")
def person(server: Server) -> Someone:
    """Give a person who has both factors."""
    return server.someone()


@pytest.fixture(scope="module")
def window(server: Server, applications: dict[str, Application], person: Someone) -> Iterator[Browser]:
    """Give a browser in which the person signed in before."""
    with Browser(server.base) as browser:
        first = applications["pysaml2"]
        assert browser.open(first.ask().address).heading == "Sign in"
        browser.password(person).code(person)
        come_back(browser, first)
        yield browser


def go(browser: Browser, application: Application, **wishes: object) -> Browser:
    """Have the application send the browser to the provider."""
    asked = application.ask(**wishes)  # type: ignore[arg-type]
    if asked.fields:
        # As the form of another site.
        origin = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
        return browser.post(asked.address, asked.fields, **origin)
    return browser.open(asked.address)


def come_back(browser: Browser, application: Application) -> Seen:
    """Have the application read what the browser brings back."""
    assert browser.left is not None, browser.text
    return application.accept(browser.left)


@pytest.mark.parametrize("post", [False, True], ids=["redirect", "post"])
def test_a_person_signs_in(server: Server, visitor: Visitor, application: Application, post: bool) -> None:
    browser, someone = visitor(), server.someone()
    go(browser, application, relay_state=RELAY_STATE, post=post, name_format=PERSISTENT)
    assert browser.heading == "Sign in"
    assert browser.password(someone).heading == "Enter your code"
    assert browser.code(someone).left is not None
    assert browser.left is not None
    assert browser.left.address == f"{application.app}/acs"
    assert browser.left.fields["RelayState"] == RELAY_STATE
    seen = come_back(browser, application)
    assert seen.attributes == {
        "uid": [someone.name],
        "mail": [f"{someone.name}@example.org"],
        "displayName": [someone.name.title()],
    }
    assert seen.format == PERSISTENT
    assert someone.name not in seen.name_id
    assert seen.session_index
    # The same browser comes again: no question, the same person under the same name.
    go(browser, application, name_format=PERSISTENT, post=post)
    again = come_back(browser, application)
    assert (again.name_id, again.session_index) == (seen.name_id, seen.session_index)


def test_without_a_wish_it_hears_the_strongest_that_is_true(
    window: Browser, applications: dict[str, Application]
) -> None:
    application = applications["pysaml2, unsigned"]
    assert come_back(go(window, application), application).context == REFEDS_MFA


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([PASSWORD_PROTECTED], PASSWORD_PROTECTED),
        ([REFEDS_MFA], REFEDS_MFA),
        ([MULTIPLE_AUTHN], MULTIPLE_AUTHN),
        ([UNKNOWN, REFEDS_MFA, PASSWORD_PROTECTED], REFEDS_MFA),
    ],
    ids=["password", "refeds", "microsoft", "several"],
)
def test_it_hears_the_context_that_it_asked_for(
    window: Browser, application: Application, asked: list[str], said: str
) -> None:
    assert come_back(go(window, application, contexts=asked), application).context == said


def test_a_context_that_nobody_knows_is_answered_no(window: Browser, application: Application) -> None:
    go(window, application, contexts=[UNKNOWN])
    with pytest.raises(TurnedAway, match="NoAuthnContext"):
        come_back(window, application)


@pytest.mark.parametrize("name_format", [PERSISTENT, EMAIL, TRANSIENT, UNSPECIFIED])
def test_it_hears_the_name_that_it_asked_for(
    window: Browser, application: Application, person: Someone, name_format: str
) -> None:
    seen = come_back(go(window, application, name_format=name_format), application)
    again = come_back(go(window, application, name_format=name_format), application)
    if name_format == UNSPECIFIED:
        # Then the application's metadata decides, and nothing but a pairwise name says the least.
        assert seen.format in (PERSISTENT, EMAIL)
    else:
        assert seen.format == name_format
    assert (seen.name_id == again.name_id) is (name_format != TRANSIENT)
    assert (seen.name_id == f"{person.name}@example.org") is (seen.format == EMAIL)


def test_a_name_that_nobody_has_is_answered_no(window: Browser, application: Application) -> None:
    go(window, application, name_format=_FORMAT_1 + "X509SubjectName")
    with pytest.raises(TurnedAway, match="InvalidNameIDPolicy"):
        come_back(window, application)


def test_case_25_passive_shows_no_page(visitor: Visitor, window: Browser, application: Application) -> None:
    stranger = go(visitor(), application, passive=True)
    with pytest.raises(TurnedAway, match="NoPassive"):
        come_back(stranger, application)
    # Who is signed in is let in.
    assert come_back(go(window, application, passive=True), application).name_id


def test_case_25_force_asks_again(server: Server, visitor: Visitor, application: Application) -> None:
    browser, someone = visitor(), server.someone()
    go(browser, application).password(someone).code(someone)
    come_back(browser, application)
    assert go(browser, application, force=True).heading == "Sign in"
    browser.password(someone).code(someone)
    assert come_back(browser, application).attributes["uid"] == [someone.name]


def test_case_25_force_and_passive_together_are_answered_no(
    window: Browser, application: Application
) -> None:
    go(window, application, force=True, passive=True)
    with pytest.raises(TurnedAway, match="NoPassive"):
        come_back(window, application)


def test_case_17b_every_registered_address_is_reached_by_its_index(
    window: Browser, applications: dict[str, Application]
) -> None:
    application = applications["pysaml2"]
    assert isinstance(application, PySaml2)
    for index, path in [("1", "/acs"), ("2", "/other")]:
        window.open(application.ask(acs_index=index).address)
        assert window.left is not None
        assert window.left.address == application.app + path
        application.accept(window.left)
    window.open(application.ask(acs_index="3").address)
    assert (window.left, window.status) == (None, 400)


def test_case_20_an_answer_counts_once_and_a_request_too(
    window: Browser, applications: dict[str, Application]
) -> None:
    application = applications["node-saml"]
    asked = application.ask()
    window.open(asked.address)
    come_back(window, application)
    with pytest.raises(ValueError, match="InResponseTo"):
        come_back(window, application)
    window.open(asked.address)
    assert (window.left, window.status) == (None, 400)


# Single logout ----------------------------------------------------------------------------------
def test_it_signs_out(server: Server, visitor: Visitor, application: Application) -> None:
    browser, someone = visitor(), server.someone()
    go(browser, application).password(someone).code(someone)
    seen = come_back(browser, application)
    browser.open(application.sign_out(seen))
    assert browser.left is not None
    application.signed_out(browser.left.address)
    go(browser, application, passive=True)
    with pytest.raises(TurnedAway, match="NoPassive"):
        come_back(browser, application)


def test_the_provider_signs_out_of_all_of_them(
    server: Server, visitor: Visitor, applications: dict[str, Application]
) -> None:
    browser, someone = visitor(), server.someone()
    by_place = {}
    for number, application in enumerate(applications.values()):
        go(browser, application)
        if number == 0:
            browser.password(someone).code(someone)
        come_back(browser, application)
        by_place[application.app] = application
    browser.open("/signout").submit()
    told = []
    while browser.left is not None:
        place = "/".join(browser.left.address.split("/")[:3])
        told.append(place)
        browser.open(by_place[place].told(browser.left.address))
    assert sorted(told) == sorted(by_place)
    assert browser.heading == "You are signed out"
    assert browser.text.count("Signed out") == len(applications)
    assert "May still be signed in" not in browser.text


def test_one_application_signs_out_of_the_others_too(
    server: Server, visitor: Visitor, applications: dict[str, Application]
) -> None:
    first, second = applications["python3-saml"], applications["node-saml"]
    browser, someone = visitor(), server.someone()
    go(browser, first).password(someone).code(someone)
    seen = come_back(browser, first)
    come_back(go(browser, second), second)
    browser.open(first.sign_out(seen))
    assert browser.left is not None
    browser.open(second.told(browser.left.address))
    assert browser.left is not None
    first.signed_out(browser.left.address)


def test_case_20_a_posted_request_begins_one_sign_in(
    browser: Browser, visitor: Visitor, applications: dict[str, Application]
) -> None:
    asked = applications["node-saml"].ask(post=True)
    sent = browser.web.post(asked.address, asked.fields, allow_redirects=False)
    assert sent.status_code == 303
    arrival = sent.headers["Location"]
    assert browser.open(arrival).heading == "Sign in"
    for again in (browser, visitor()):
        assert (again.open(arrival).status, again.left) == (410, None)
    # And the message itself is worth nothing a second time.
    assert browser.web.post(asked.address, asked.fields, allow_redirects=False).status_code == 400

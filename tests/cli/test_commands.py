"""The commands that other tools rely on: what they print, refuse, and end with."""

from __future__ import annotations

import subprocess

import pyotp
import pytest

from idp.core.clock import SystemClock
from idp.directory.hashing import PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import People
from idp.keys import MasterKey, Sealer
from idp.methods import Methods
from idp.settings import load_settings
from idp.store import open_store
from tests.cli.conftest import IDP


def right_password(name: str, password: str) -> bool:
    store, clock = open_store(load_settings().database), SystemClock()
    people = People(store, clock, [LocalSource(store, PasswordHasher(), clock)])
    with store.read() as connection:
        person = people.find(connection, name)
    checked = people.check_password(person, password)
    store.dispose()
    return checked


# idp ------------------------------------------------------------------------------------------
def test_help_lists_every_noun_without_loading_any():
    code = "import sys, idp.cli; idp.cli.main(['--help'], standalone_mode=False); print(sorted(sys.modules))"
    run = subprocess.run([IDP.with_name("python"), "-c", code], capture_output=True, text=True, check=True)
    for noun in (
        "person",
        "method",
        "partner",
        "policy",
        "channel",
        "key",
        "audit",
        "serve",
        "demo",
        "doctor",
    ):
        assert f"\n  {noun} " in run.stdout
    for slow in ("sqlalchemy", "flask", "saml2", "pydantic", "rich"):
        assert f"'{slow}'" not in run.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["person"],
        ["person", "add"],
        ["person", "nonsense"],
        ["person", "show"],
        ["person", "list", "--nonsense"],
        ["method", "add", "ada", "carrier-pigeon"],
        ["partner", "add-oidc", "wiki"],
        ["partner", "add-oidc", "wiki", "--redirect-uri", "https://w.example/", "--public", "--secret-stdin"],
        ["partner", "add-oidc", "wiki", "--redirect-uri", "https://w.example/", "--id-token-alg", "HS256"],
        ["serve", "--bind", "nonsense"],
        ["audit", "--limit", "0"],
    ],
)
def test_wrong_usage_ends_with_2_and_says_so(idp, arguments):
    result = idp(*arguments, exit_code=2)
    assert "Usage" in result.stderr


def test_wrong_settings_end_with_2_and_one_line_each(idp, monkeypatch):
    monkeypatch.setenv("IDP_BASE_URL", "http://login.example.org")
    monkeypatch.setenv("IDP_WORKER", "3")
    result = idp("person", "list", exit_code=2)
    assert result.stdout == ""
    assert [line.split(" ")[0] for line in result.stderr.splitlines()] == ["IDP_WORKER:", "base_url"]


# idp person -----------------------------------------------------------------------------------
def test_a_person_is_added_with_everything_and_shown(idp):
    said = idp(
        *("person", "add", "Ada", "--display-name", "Ada Lovelace", "--email", "ada@example.org"),
        *(
            "--mobile",
            "+1 (425) 555-0123",
            "--group",
            "staff",
            "--group",
            "math",
            "--owner",
            "--password-stdin",
        ),
        given="correct horse\nsecond line\n",
    )
    assert "correct horse" not in said.output
    shown = idp.json("person", "show", "ADA")
    assert shown["attributes"] == {
        "uid": ["Ada"],
        "displayName": ["Ada Lovelace"],
        "mail": ["ada@example.org"],
        "mobile": ["+1 4255550123"],
        "groups": ["staff", "math"],
    }
    assert shown["roles"] == ["owner"]
    assert (shown["enabled"], shown["locked"], shown["may_enrol"]) == (True, False, False)
    assert [(one["factor"], one["label"]) for one in shown["methods"]] == [("sms", "+1 •••-•••-••23")]
    text = idp("person", "show", "ada").stdout
    assert "Ada Lovelace" in text
    assert "+1 4255550123" in text
    assert right_password("ada", "correct horse")


def test_without_a_terminal_a_password_is_made_up_and_printed_once(idp):
    made = idp.json("person", "add", "ada")["password"]
    assert len(made) >= 16
    assert right_password("ada", made)
    printed = idp("person", "add", "grace").stdout.splitlines()[1]
    assert right_password("grace", printed.removeprefix("Password: "))
    assert "password" not in idp.json("person", "show", "ada")


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["ada", "--password-stdin"], ""),
        (["ada", "--password-stdin"], "\n"),
        (["ada", "--password-stdin"], "x" * 2000 + "\n"),
        (["ada", "--mobile", "5551234"], ""),
        (["ada", "--email", "nonsense"], ""),
        (["ada", "--group", "a\nb"], ""),
        (["ada", "--display-name", "a\x1b[31m"], ""),
        (["  "], ""),
        (["a\nb"], ""),
        (["x" * 300], ""),
    ],
)
def test_unusable_people_are_refused(idp, arguments, given):
    assert idp.refused("person", "add", *arguments, given=given)
    assert idp.json("person", "list") == []


def test_a_taken_name_is_refused(idp):
    idp("person", "add", "ada")
    assert idp.refused("person", "add", "ADA") == "There is already a person with that name."


def test_everybody_is_listed(idp):
    for name in ("grace", "Ada", "edsger"):
        idp("person", "add", name)
    assert [person["name"] for person in idp.json("person", "list")] == ["Ada", "edsger", "grace"]
    lines = idp("person", "list").stdout.splitlines()
    assert lines[0].startswith("NAME")
    assert [line.split()[0] for line in lines[1:]] == ["Ada", "edsger", "grace"]


def test_people_are_listed_page_by_page(idp):
    for name in ("grace", "Ada", "edsger"):
        idp("person", "add", name)
    first = idp("person", "list", "--limit", "2")
    assert [line.split()[0] for line in first.stdout.splitlines()[1:]] == ["Ada", "edsger"]
    assert first.stderr == "There are more: --after edsger\n"
    rest = idp("person", "list", "--limit", "2", "--after", "EDSGER")
    assert (rest.stdout.splitlines()[1].split()[0], rest.stderr) == ("grace", "")


def test_disable_enable_unlock(idp):
    idp("person", "add", "ada")
    idp("person", "disable", "ada")
    assert not idp.json("person", "show", "ada")["enabled"]
    idp("person", "enable", "ada")
    assert idp.json("person", "show", "ada")["enabled"]
    idp("person", "unlock", "ada")
    for verb in ("show", "disable", "enable", "unlock"):
        assert idp.refused("person", verb, "nobody") == "There is no person with that user name."


def test_names_cannot_steer_the_terminal(idp, data):
    idp("person", "add", "ada", "--display-name", "[bold]Ada[/bold] {x}")
    assert "[bold]Ada[/bold] {x}" in idp("person", "list").stdout


# idp method -----------------------------------------------------------------------------------
def test_a_seed_is_made_and_printed_once(idp):
    idp("person", "add", "ada")
    made = idp.json("method", "add", "ada", "totp")
    parsed = pyotp.parse_uri(made["otpauth_uri"])
    assert parsed.secret == made["secret"]
    assert (parsed.name, parsed.issuer) == ("ada", "Countersign")
    assert stored_seed("ada") == pyotp.TOTP(made["secret"]).byte_secret()
    for shown in (idp("method", "list", "ada"), idp("person", "show", "ada"), idp("audit")):
        assert made["secret"] not in shown.output
    said = idp("method", "add", "ada", "totp").stdout
    assert "otpauth://totp/Countersign:ada?" in said


def test_a_known_seed_is_imported_and_not_repeated(idp):
    idp("person", "add", "ada")
    said = idp("method", "add", "ada", "totp", "--secret", "jbsw y3dp ehpk 3pxp")
    assert "JBSWY3DPEHPK3PXP" not in said.output.upper().replace(" ", "")
    assert stored_seed("ada") == b"Hello!\xde\xad\xbe\xef"


@pytest.mark.parametrize("secret", ["", "nonsense!", "ABCD", "A" * 300])
def test_bad_seeds_are_refused(idp, secret):
    idp("person", "add", "ada")
    assert idp.refused("method", "add", "ada", "totp", "--secret", secret)
    assert idp.json("method", "list", "ada") == []


def test_methods_are_listed_and_removed(idp):
    idp("person", "add", "ada")
    idp("person", "add", "grace")
    idp("method", "add", "ada", "totp")
    (method,) = idp.json("method", "list", "ada")
    assert method["factor"] == "totp"
    assert method["id"] in idp("method", "list", "ada").stdout
    assert idp.refused("method", "remove", "grace", method["id"])
    assert idp.refused("method", "remove", "ada", "nonsense")
    assert not idp.json("person", "show", "ada")["may_enrol"]
    assert "next sign-in" in idp("method", "remove", "ada", method["id"]).stdout
    assert idp.json("method", "list", "ada") == []
    assert idp.json("person", "show", "ada")["may_enrol"]


def stored_seed(name: str) -> bytes:
    settings = load_settings()
    store, sealer = open_store(settings.database), Sealer(MasterKey.load(settings.data / "master.key"))
    clock = SystemClock()
    methods = Methods(store, sealer, clock)
    with store.read() as connection:
        person = People(store, clock, [LocalSource(store, PasswordHasher(), clock)]).find(connection, name)
        (method,) = methods.of(connection, person.id)
        seed = methods.secret(connection, method.id)
    store.dispose()
    return seed


# Text messages --------------------------------------------------------------------------------
def test_a_phone_is_added_and_shown_masked(idp):
    idp("person", "add", "ada")
    said = idp("method", "add", "ada", "sms", "+1 425 555 0123").stdout
    assert said.startswith("Added +1 •••-•••-••23 to ada.")
    made = idp.json("method", "add", "ada", "sms", "+49 151 23456789")
    assert (made["factor"], made["label"]) == ("sms", "+49 •••• •••••89")
    listed = idp("method", "list", "ada").stdout
    assert "•••-••23" in listed
    assert "5550123" not in listed.replace(" ", "")
    assert "phone number" in idp.refused("method", "add", "ada", "sms", "12")


@pytest.mark.parametrize(
    "arguments", [("sms",), ("totp", "+14255550123"), ("sms", "+14255550123", "--secret", "A")]
)
def test_kinds_of_methods_take_what_fits_them(idp, arguments):
    assert "Write: idp method add ada" in idp("method", "add", "ada", *arguments, exit_code=2).stderr


def test_limits_on_texts_are_shown_and_set(idp):
    usual = idp.json("text", "limits")
    assert idp.json("text", "set", "--country", "us", "--country", "DE") == usual | {
        "countries": ["DE", "US"]
    }
    idp("text", "set", "--per-day", "7", "--per-country", "3")
    shown = {"daily": 7, "per_country": 3, "countries": ["DE", "US"], "messages": {}}
    assert idp.json("text", "limits") == shown
    assert idp.json("text", "set", "--message", "de=Ihr Code: {code}")["messages"] == {
        "de": "Ihr Code: {code}"
    }
    assert "de: Ihr Code: {code}" in idp("text", "limits").stdout
    assert idp.json("text", "set", "--message", "de=")["messages"] == {}
    idp("text", "set", "--message", "Ihr Code", exit_code=2)
    assert idp.refused("text", "set", "--message", "de=Ihr Code")
    assert "DE, US" in idp("text", "limits").stdout
    assert idp.json("text", "set", "--all-countries")["countries"] == []
    assert "all" in idp("text", "limits").stdout
    idp("text", "set", "--all-countries", "--country", "DE", exit_code=2)
    assert idp.refused("text", "set", "--per-day", "-1")

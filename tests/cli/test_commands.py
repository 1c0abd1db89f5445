"""The commands that other tools rely on: what they print, refuse, and end with."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

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
from tests.cli.conftest import IDP, Command

SAMPLES = Path(__file__).parents[1] / "partners" / "samples"
EXPIRED = SAMPLES / "crewjam.xml"


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
    for noun in ("person", "method", "partner", "policy", "key", "audit", "serve", "demo", "doctor"):
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
        ["partner", "import", "missing.xml"],
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
            "+1 (425) 123-4567",
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
        "mobile": ["+1 4251234567"],
        "groups": ["staff", "math"],
    }
    assert shown["roles"] == ["owner"]
    assert (shown["enabled"], shown["locked"], shown["methods"]) == (True, False, [])
    text = idp("person", "show", "ada").stdout
    assert "Ada Lovelace" in text
    assert "+1 4251234567" in text
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


# idp partner ----------------------------------------------------------------------------------
@pytest.mark.parametrize("sample", ["shibboleth", "simplesamlphp", "node-saml"])
def test_metadata_of_other_products_is_imported(idp, sample):
    file = str(SAMPLES / f"{sample}.xml")
    imported = idp.json("partner", "import", file, "--name", "Costs", "--release", "uid, mail")
    assert (imported["name"], imported["door"]) == ("Costs", "saml")
    assert imported["release"] == ["uid", "mail"]
    assert idp.json("partner", "show", imported["identifier"])["id"] == imported["id"]
    assert imported["identifier"] in idp("partner", "list").stdout
    assert "Updated Costs." in idp("partner", "import", file).stdout
    assert len(idp.json("partner", "list")) == 1


def test_expired_metadata_is_refused(idp):
    assert "expired" in idp.refused("partner", "import", str(EXPIRED))


def test_the_default_release(idp):
    imported = idp.json("partner", "import", str(SAMPLES / "node-saml.xml"))
    assert imported["release"] == ["uid", "mail", "displayName"]


def test_what_is_no_metadata_is_refused(idp, nothing_set):
    (nothing_set / "bad.xml").write_bytes(b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>")
    assert "root:" not in idp.refused("partner", "import", "bad.xml")
    (nothing_set / "large.xml").write_bytes(b" " * (11 * 1024 * 1024))
    assert "too large" in idp.refused("partner", "import", "large.xml")


def test_an_openid_connect_client_gets_a_secret_once(idp):
    made = idp.json(
        "partner", "add-oidc", "wiki", "--redirect-uri", "https://wiki.example/cb", "--name", "Wiki"
    )
    assert len(made["client_secret"]) >= 32
    for shown in (idp("partner", "show", "wiki"), idp("partner", "list"), idp("audit")):
        assert made["client_secret"] not in shown.output
    settings = idp.json("partner", "show", "wiki")["settings"]
    assert "secret_hash" not in settings
    assert settings["redirect_uris"] == ["https://wiki.example/cb"]


def test_an_openid_connect_client_with_everything(idp):
    idp(
        *("partner", "add-oidc", "wiki", "--redirect-uri", "https://w.example/a", "--redirect-uri"),
        *("http://127.0.0.1/b", "--post-logout-redirect-uri", "https://w.example/out", "--secret-stdin"),
        *("--id-token-alg", "ES256", "--release", "mail"),
        given="a long client secret\n",
    )
    partner = idp.json("partner", "show", "wiki")
    assert partner["name"] == "wiki"
    assert partner["release"] == ["mail"]
    assert partner["settings"]["redirect_uris"] == ["https://w.example/a", "http://127.0.0.1/b"]
    assert partner["settings"]["post_logout_redirect_uris"] == ["https://w.example/out"]
    assert partner["settings"]["id_token_alg"] == "ES256"


def test_a_public_client_has_no_secret(idp):
    made = idp.json("partner", "add-oidc", "app", "--redirect-uri", "com.example.app:/cb", "--public")
    assert "client_secret" not in made
    assert made["settings"]["auth_methods"] == ["none"]


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["wiki", "--redirect-uri", "javascript:alert(1)"], ""),
        (["wiki", "--redirect-uri", "https://w.example/#x"], ""),
        (["wi ki", "--redirect-uri", "https://w.example/"], ""),
        (["wiki", "--redirect-uri", "https://w.example/", "--secret-stdin"], "\n"),
        (["wiki", "--redirect-uri", "https://w.example/", "--secret-stdin"], "short\n"),
        (["wiki", "--redirect-uri", "https://w.example/", "--release", "a b"], ""),
    ],
)
def test_unusable_clients_are_refused(idp, arguments, given):
    assert idp.refused("partner", "add-oidc", *arguments, given=given)
    assert idp.json("partner", "list") == []


def test_partners_are_switched_and_removed(idp):
    made = idp.json("partner", "add-oidc", "wiki", "--redirect-uri", "https://wiki.example/cb")
    idp("partner", "disable", "wiki")
    assert not idp.json("partner", "show", "wiki")["enabled"]
    idp("partner", "enable", made["id"])
    assert idp.json("partner", "show", "wiki")["enabled"]
    idp("partner", "remove", "wiki")
    for verb in ("show", "disable", "enable", "remove"):
        assert idp.refused("partner", verb, "wiki") == "There is no application with that id."


# idp policy, key, audit -----------------------------------------------------------------------
def test_policy_is_set_and_shown_as_it_is_read(idp, nothing_set):
    assert idp.json("policy", "show") == []
    assert "everyone needs two" in idp("policy", "show").stdout
    file = nothing_set / "rules.json"
    file.write_text('[{"id": "staff", "conditions": {"groups": ["staff"]}, "controls": {"strength": "one"}}]')
    idp("policy", "set", str(file))
    shown = idp("policy", "show", "--json").stdout
    assert '"staff"' in shown
    assert "groups staff" in idp("policy", "show").stdout
    file.write_text(shown)
    idp("policy", "set", str(file))
    assert idp("policy", "show", "--json").stdout == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "{}",
        "[1]",
        '[{"id":"a"}]',
        '[{"id":"a","controls":{"strenght":"two"}}]',
        "[" * 100_000,
    ],
)
def test_bad_policies_are_refused(idp, nothing_set, text):
    (nothing_set / "rules.json").write_text(text)
    assert idp.refused("policy", "set", "rules.json")
    assert idp.json("policy", "show") == []


def test_keys_are_listed_and_rotated(idp):
    before = idp.json("key", "list")
    assert sorted((key["alg"], key["state"]) for key in before) == [
        ("ES256", "active"),
        ("ES256", "next"),
        ("RS256", "active"),
        ("RS256", "next"),
    ]
    after = idp.json("key", "rotate")
    following = {key["kid"] for key in before if key["state"] == "next"}
    assert {key["kid"] for key in after if key["state"] == "active"} == following
    assert len(after) == 6
    assert all("PRIVATE" not in key["certificate"] for key in after)
    assert next(iter(following)) in idp("key", "list").stdout


def test_the_record_is_shown_newest_first_and_searched(idp):
    idp("person", "add", "ada")
    idp("person", "add", "grace")
    idp("partner", "add-oidc", "wiki", "--redirect-uri", "https://wiki.example/cb")
    assert [event["event"] for event in idp.json("audit")] == [
        "partner-added",
        "person-added",
        "person-added",
    ]
    assert [event["person_name"] for event in idp.json("audit", "--person", "ADA")] == ["ada"]
    assert [event["event"] for event in idp.json("audit", "--partner", "wiki")] == ["partner-added"]
    assert len(idp.json("audit", "--since", "1h")) == 3
    assert len(idp.json("audit", "--since", "2020-01-01")) == 3
    assert len(idp.json("audit", "--limit", "1")) == 1
    assert idp.json("audit", "--since", "2100-01-01T00:00:00+01:00") == []
    assert "cli:" in idp("audit").stdout


@pytest.mark.parametrize("since", ["nonsense", "1x", "2026-13-01", "999999d", "0001-01-01T00:00+14:00"])
def test_unreadable_times_are_refused(idp, since):
    assert "--since" in idp.refused("audit", "--since", since)


# The installation -----------------------------------------------------------------------------
def test_the_first_command_makes_what_is_needed_for_our_eyes_only(nothing_set):
    Command()("person", "list")
    folder = nothing_set / "var"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    assert {"idp.db", "master.key"} <= {file.name for file in folder.iterdir()}


def test_a_lost_master_key_is_not_replaced(idp, data):
    (data / "master.key").unlink()
    assert "master key" in idp.refused("person", "list")
    assert not (data / "master.key").exists()


def test_another_master_key_is_refused(idp, data, monkeypatch):
    monkeypatch.setenv("IDP_MASTER_KEY", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
    assert "not the master key" in idp.refused("person", "list")


def test_the_key_may_come_from_the_environment(idp, data, monkeypatch):
    monkeypatch.setenv("IDP_MASTER_KEY", (data / "master.key").read_text().strip())
    (data / "master.key").unlink()
    idp("person", "add", "ada")
    idp("method", "add", "ada", "totp")


def test_a_newer_schema_is_refused(idp, data):
    store = open_store(f"sqlite:///{data / 'idp.db'}")
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.dispose()
    assert "newer version" in idp.refused("person", "list")


def test_what_is_no_database_is_refused(idp, data):
    for file in data.glob("idp.db*"):
        file.unlink()
    (data / "idp.db").write_bytes(b"nonsense" * 1000)
    assert "database cannot be used" in idp.refused("person", "list")


def test_a_data_folder_that_cannot_be_made_is_refused(nothing_set, monkeypatch):
    (nothing_set / "file").write_text("")
    monkeypatch.setenv("IDP_DATA", str(nothing_set / "file" / "var"))
    assert "data folder" in Command().refused("person", "list")


def test_the_base_address_is_moved_by_serve_only(idp, monkeypatch):
    monkeypatch.setenv("IDP_BASE_URL", "https://elsewhere.example")
    idp("person", "list")
    findings = {one["what"]: one for one in idp.json("doctor", exit_code=1)["findings"]}
    assert "http://localhost:8000" in findings["issuer"]["said"]

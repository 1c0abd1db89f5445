"""The commands for partners, policy, keys and the record."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[1] / "partners" / "samples"
EXPIRED = SAMPLES / "crewjam.xml"


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


def test_applications_are_listed_page_by_page_and_searched(idp):
    for name in ("wiki", "Blog", "mail"):
        idp("partner", "add-oidc", name, "--redirect-uri", f"https://{name}.example/cb", "--name", name)
    first = idp("partner", "list", "--limit", "2")
    assert [line.split()[2] for line in first.stdout.splitlines()[1:]] == ["Blog", "mail"]
    last = first.stderr.split()[-1]
    assert [one["name"] for one in idp.json("partner", "list", "--after", last)] == ["wiki"]
    assert [one["name"] for one in idp.json("partner", "list", "--search", "BLO")] == ["Blog"]


def test_expired_metadata_is_refused(idp):
    assert "expired" in idp.refused("partner", "import", str(EXPIRED))


def test_what_was_chosen_for_an_application_is_changed(idp):
    partner = idp.json("partner", "import", str(SAMPLES / "node-saml.xml"), "--encrypt", "never")
    assert partner["settings"]["encrypt"] == "never"
    soon = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    changed = idp.json(
        *(
            "partner",
            "set",
            partner["id"],
            "--name",
            "Costs",
            "--groups",
            "staff, boss",
            "--sign",
            "response",
        ),
        *("--nameid", "email", "--idp-initiated", "--relay-state", "/start", "--clock-skew", "30"),
        *("--allow", "sha1", "--until", soon),
    )
    settings = changed["settings"]
    assert (changed["name"], changed["access"]["groups"]) == ("Costs", ["staff", "boss"])
    assert (settings["name_id"], settings["idp_initiated"], settings["relay_state"]) == (
        "email",
        True,
        "/start",
    )
    assert [each["what"] for each in settings["tolerated"]] == ["sha1"]
    assert "Changed Costs." in idp("partner", "set", partner["id"], "--refuse", "sha1").stdout
    assert idp.json("partner", "show", partner["id"])["settings"]["tolerated"] == []
    for wrong in ([], ["--allow", "sha1"], ["--until", "2030-01-01"]):
        idp("partner", "set", partner["id"], *wrong, exit_code=2)


def test_the_default_release(idp):
    imported = idp.json("partner", "import", str(SAMPLES / "node-saml.xml"))
    assert imported["release"] == ["uid", "mail", "displayName"]


def test_what_is_no_metadata_is_refused(idp, nothing_set):
    (nothing_set / "bad.xml").write_bytes(b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>")
    assert "root:" not in idp.refused("partner", "import", "bad.xml")
    (nothing_set / "large.xml").write_bytes(b" " * (33 * 1024 * 1024))
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
    assert "--force" in idp.refused("key", "rotate")
    assert len(idp.json("key", "rotate", "--force")) == 8


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


def test_the_record_is_narrowed_by_kind_and_time(idp):
    idp("person", "add", "ada")
    idp("partner", "add-oidc", "wiki", "--redirect-uri", "https://wiki.example/cb")
    assert [event["event"] for event in idp.json("audit", "--event", "person-added")] == ["person-added"]
    assert idp.json("audit", "--until", "2020-01-01") == []
    assert len(idp.json("audit", "--until", "2100-01-01")) == 2
    (added,) = idp.json("audit", "--person", "ada")
    assert idp.json("audit", "--person", added["person"]) == [added]
    assert "Did you mean person-added?" in idp.refused("audit", "--event", "person-add")
    assert idp.json("audit", "--result", "wrong-code") == []
    assert "Did you mean wrong-code?" in idp.refused("audit", "--result", "wrong-cod")
    assert added["result"] == ""
    assert "exclude" in idp("audit", "--csv", "--json", exit_code=2).stderr


def test_the_record_as_csv_is_whole_and_no_formula(idp):
    idp("person", "add", "=1+1")
    idp("partner", "add-oidc", "wiki", "--redirect-uri", "https://wiki.example/cb")
    rows = list(csv.DictReader(io.StringIO(idp("audit", "--csv").stdout)))
    assert [row["event"] for row in rows] == ["partner-added", "person-added"]
    assert rows[1]["person_name"] == "'=1+1"
    assert rows[1]["at"].startswith("20")
    assert rows[1]["result"] == ""
    assert len(list(csv.reader(io.StringIO(idp("audit", "--csv", "--limit", "1").stdout)))) == 2


@pytest.mark.parametrize("since", ["nonsense", "1x", "2026-13-01", "999999d", "0001-01-01T00:00+14:00"])
def test_unreadable_times_are_refused(idp, since):
    assert "--since" in idp.refused("audit", "--since", since)

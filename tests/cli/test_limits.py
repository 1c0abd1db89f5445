"""Limits and banned networks by command."""

from __future__ import annotations


def test_limits_are_shown_and_set(idp) -> None:
    assert idp.json("limits", "show")["tries"] == 10
    assert idp.json("limits", "set", "tries", "5")["tries"] == 5
    assert idp.json("limits", "show")["tries"] == 5
    assert "from 3 to 100" in idp.refused("limits", "set", "tries", "1")
    assert idp("limits", "set", "x", "1", exit_code=2)
    assert idp.json("audit", "--event", "limits-changed")[0]["detail"] == {"limit": "tries", "number": 5}


def test_networks_are_banned_and_let_in_again(idp) -> None:
    idp("network", "ban", "192.0.2.0/24", "--until", "2h", "--reason", "guesses")
    idp("network", "ban", "2001:db8::/32")
    first, second = idp.json("network", "list")
    assert (first["network"], first["reason"], second["until"]) == ("192.0.2.0/24", "guesses", None)
    assert "192.0.2.0/24" in idp("network", "list").stdout
    idp("network", "unban", "192.0.2.0/24")
    assert [one["network"] for one in idp.json("network", "list")] == ["2001:db8::/32"]
    assert "not banned" in idp.refused("network", "unban", "192.0.2.0/24")
    assert "too wide" in idp.refused("network", "ban", "0.0.0.0/0")


def test_recovery_codes_and_passes_are_printed_once(idp) -> None:
    idp("person", "add", "ada", "--password-stdin", given="correct horse\n")
    codes = idp.json("method", "add", "ada", "recovery")["codes"]
    assert len(codes) == 10
    made = idp.json("method", "add", "ada", "pass", "--lifetime", "30", "--once", "--length", "12")
    assert len(made["pass"].replace("-", "")) == 12
    listed = {one["factor"]: one for one in idp.json("method", "list", "ada")}
    assert listed["recovery"]["codes_left"] == 10
    assert listed["pass"]["ends_at"] == made["ends_at"]
    again = idp.json("method", "add", "ada", "pass")
    assert again["id"] != made["id"]
    assert len(idp.json("method", "list", "ada")) == 2, "a new pass takes the place of the old one"
    written = idp("method", "list", "ada").stdout + str(idp.json("audit"))
    for secret in (*codes, made["pass"]):
        assert secret not in written
        assert secret.replace("-", "") not in written
    assert idp.json("person", "show", "ada")["may_enrol"]
    assert "10 minutes" in idp.refused("method", "add", "ada", "pass", "--lifetime", "5")
    assert idp("method", "add", "ada", "recovery", "--once", exit_code=2)


def test_people_are_changed_handed_out_and_erased(idp) -> None:
    idp("person", "add", "ada", "--email", "a@example.org", "--password-stdin", given="correct horse\n")
    changed = idp.json("person", "set", "ada", "--display-name", "Ada L.", "--group", "a", "--group", "b")
    assert (changed["display_name"], changed["groups"]) == ("Ada L.", ["a", "b"])
    assert idp.json("person", "set", "ada", "--no-groups", "--email", "")["attributes"].keys() == {
        "uid",
        "displayName",
    }
    idp("person", "set-password", "ada", "--password-stdin", given="battery staple\n")
    known = idp("person", "export", "ada").stdout
    assert '"display_name": "Ada L."' in known
    assert "argon2" not in known
    assert "Nothing" in idp("person", "erase", "ada", given="bob\n", exit_code=1).stderr
    idp("person", "erase", "ada", given="ada\n")
    assert "no person" in idp.refused("person", "show", "ada")
    assert [one["event"] for one in idp.json("audit")][:4] == [
        "person-erased",
        "person-exported",
        "password-changed",
        "person-changed",
    ]


def test_passkeys_are_shown_and_set(idp) -> None:
    assert idp.json("passkey", "show") == {"name": "", "origins": [], "refuse_copies": True}
    made = idp("passkey", "set", "--domain", "example.org", "--copies", "record")
    assert "lists this service" in made.stderr
    idp("passkey", "set", "--origin", "https://login.example.de")
    shown = idp("passkey", "show").stdout
    assert "example.org" in shown
    assert "https://login.example.de" in shown
    assert "recorded" in shown
    back = idp.json("passkey", "set", "--own-domain", "--no-origins", "--copies", "refuse")
    assert back == {"name": "", "origins": [], "refuse_copies": True}
    assert "A domain is written" in idp.refused("passkey", "set", "--domain", "https://example.org")
    assert idp("passkey", "set", "--domain", "a.org", "--own-domain", exit_code=2)


def test_a_sign_in_is_explained(idp) -> None:
    assert "Nothing on record" in idp.refused("audit", "explain", "AAAA-BBBB")
    idp("person", "add", "ada", "--password-stdin", given="correct horse\n")
    assert idp("audit", "explain", exit_code=2)
    assert [one["event"] for one in idp.json("audit")] == ["person-added"], "the list is still a list"


def test_a_person_is_blocked_listed_and_unblocked(idp) -> None:
    idp("person", "add", "ada", "--password-stdin", given="correct horse\n")
    assert idp("person", "block", "ada", exit_code=2)
    assert "Blocked ada until" in idp("person", "block", "ada", "--reason", "lost laptop").stdout
    (listed,) = idp.json("person", "blocked")
    assert (listed["name"], listed["reason"]) == ("ada", "lost laptop")
    assert "lost laptop" in idp("person", "blocked").stdout
    assert "Blocked until" in idp("person", "show", "ada").stdout
    assert "Unblocked ada" in idp("person", "unblock", "ada", "--reason", "found it").stdout
    assert "not blocked" in idp.refused("person", "unblock", "ada", "--reason", "again")
    assert "in the future" in idp.refused(
        "person", "block", "ada", "--reason", "x", "--until", "2020-01-01T00:00"
    )


def test_an_alarm_is_shown_and_set(idp) -> None:
    assert idp.json("alarm", "show") == {"block": True, "tell": []}
    made = idp("alarm", "set", "--no-block", "--tell", "security@example.org").stdout
    assert "security@example.org" in made
    assert idp.json("alarm", "set", "--block", "--tell-nobody") == {"block": True, "tell": []}
    assert idp("alarm", "set", "--tell", "a@example.org", "--tell-nobody", exit_code=2)

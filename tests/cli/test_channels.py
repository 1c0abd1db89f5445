"""idp channel: carriers set up from the command line, and a text that really leaves."""

from __future__ import annotations

import json

import pytest

from tests.cli.test_serve import serving as idp_serving
from tests.net.servers import says, serving

SECRET = "s3cret-of-the-gateway"
ACCOUNT = "AC" + "0" * 32
OWN = ("channel", "add-http", "own", "--url", "https://sms.example/?key={secret}&to={number}&text={text}")


def test_carriers_are_set_up_shown_ordered_and_removed(idp):
    said = idp(*OWN, "--secret-stdin", "--prefix", "+44", "--prefix", "+353", given=f"{SECRET}\n").stdout
    assert said.startswith("Added own.")
    idp(
        *("channel", "add-twilio", "cloud", "--account", ACCOUNT, "--from", "+15005550006"),
        "--secret-stdin",
        given=f"{SECRET}\n",
    )
    idp("channel", "add-smtp", "mail", "--host", "mail.example", "--from", "no-reply@login.example")
    assert [one["name"] for one in idp.json("channel", "list")] == ["own", "cloud", "mail"]
    idp("channel", "order", "mail", "cloud", "own")
    listed = idp("channel", "list").stdout
    assert [line.split()[:3] for line in listed.splitlines()[1:]] == [
        ["mail", "smtp", "mail"],
        ["cloud", "twilio", "text"],
        ["own", "http", "text"],
    ]
    shown = idp("channel", "show", "own").stdout + json.dumps(idp.json("channel", "show", "own"))
    assert "sms.example" in shown
    assert SECRET not in shown
    assert idp("channel", "remove", "own").stdout == "Removed own.\n"
    assert idp.refused("channel", "show", "own") == "There is no carrier of that name."


def test_everything_that_a_gateway_may_need(idp, tmp_path):
    idp(
        *("channel", "add-http", "own", "--url", "https://sms.example/send", "--user", "me"),
        *("--header", "X-Tag: {key}", "--header", "X-Report:{receipt}"),
        *("--body", '{"to": "{digits}", "text": "{text}"}'),
        *("--accepted", "messages.0.status=queued, sent", "--reference", "messages.0.id"),
        *("--delivered", "status=DELIVRD", "--undelivered", "status=UNDELIV,EXPIRED"),
        "--secret-stdin",
        given=f"{SECRET}\n",
    )
    assert idp.json("channel", "show", "own")["settings"] == {
        "url": "https://sms.example/send",
        "headers": {"X-Tag": "{key}", "X-Report": "{receipt}"},
        "form": {},
        "json": '{"to": "{digits}", "text": "{text}"}',
        "user": "me",
        "accepted": {"path": "messages.0.status", "words": ["queued", "sent"]},
        "reference": "messages.0.id",
        "arrived": {"path": "status", "words": ["DELIVRD"]},
        "lost": {"path": "status", "words": ["UNDELIV", "EXPIRED"]},
        "authorities": "",
    }
    shown = " ".join(idp("channel", "show", "own").stdout.split())
    for said in ("Headers X-Tag: {key}, X-Report: {receipt}", "Lost status=UNDELIV,EXPIRED", "User me"):
        assert said in shown
    assert "Form" not in shown


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (OWN, "The secret is missing."),
        ((*OWN[:4], "http://sms.example/"), "Only addresses that start with https://"),
        ((*OWN[:4], "https://sms.example/?x={code}"), "Nothing is known as {code} here"),
        (("channel", "remove", "nobody"), "There is no carrier of that name."),
        (("channel", "order", "nobody"), "There is no carrier."),
        (("channel", "test", "nobody", "+14255550123"), "There is no carrier of that name."),
    ],
)
def test_what_is_refused(idp, arguments, why):
    assert idp.refused(*arguments).startswith(why)


def test_an_empty_secret_is_none(idp):
    assert idp.refused(*OWN, "--secret-stdin", given="\n") == "No secret came on standard input."


@pytest.mark.parametrize(
    "arguments",
    [
        (*OWN, "--header", "nonsense"),
        (*OWN, "--form", "nonsense"),
        (*OWN, "--delivered", "nonsense"),
        (*OWN, "--ca", "missing.pem"),
        ("channel", "add-smtp", "mail", "--host", "x", "--from", "a@b", "--security", "weak"),
        ("channel", "order"),
    ],
)
def test_wrong_usage(idp, arguments):
    assert "Usage" in idp(*arguments, exit_code=2).stderr


def test_without_a_server_a_test_says_so(idp, monkeypatch):
    monkeypatch.setattr("idp.cli.channel._PATIENCE", 0.1)
    idp(*OWN, "--secret-stdin", given=f"{SECRET}\n")
    assert "is `idp serve` running?" in idp("channel", "test", "own", "+14255550123", exit_code=1).stdout


def test_a_text_leaves_at_once_and_its_way_is_shown(tmp_path):
    with serving(says(b'{"id": "g-1"}')) as gateway, idp_serving(tmp_path / "var") as server:
        server.idp(
            *("channel", "add-http", "own", "--url", f"http://127.0.0.1:{gateway.port}/"),
            *("--form", "to={number}", "--form", "text={text}", "--form", "report={receipt}"),
            *("--reference", "id", "--delivered", "status=1"),
        )
        said = server.idp("channel", "test", "own", "+1 425 555 0123")
        assert said == "own took the message to +1 ••• 23 as g-1.\n"
        [request] = gateway.requests
        path = request.decode().partition("receipts%2F")[2].replace("%2F", "/")
        assert server.get(f"/channels/receipts/{path}?status=1") == 204
        [row] = server.idp("channel", "log").splitlines()[1:]
        assert row.split()[-5:] == ["+1", "•••", "23", "delivered", "own"]
        code, _, err = server.end()
    assert code == 0
    assert '"event":"delivery-accepted"' in err
    assert "425555" not in err


def test_calls_have_a_carrier_settings_and_phones(idp) -> None:
    made = idp(
        *("channel", "add-twilio-voice", "voice", "--account", "AC" + "0" * 32),
        *("--from", "+14255550100", "--secret-stdin"),
        given="token\n",
    )
    assert "idp method add NAME call NUMBER" in made.stdout
    (listed,) = idp.json("channel", "list")
    assert listed["type"] == "twilio-voice"
    assert "tried by a sign-in" in idp.refused("channel", "test", "voice", "+14255550123")
    idp("person", "add", "ada", "--password-stdin", given="correct horse\n")
    phone = idp.json("method", "add", "ada", "call", "+14255550123", "--extension", "42", "--place", "office")
    assert phone["label"].endswith("(42)")
    assert phone["data"] == {"place": "office", "pin": "no"}
    pinned = idp.json("method", "add", "ada", "call", "+14255550124", "--pin")
    assert len(pinned["pin_made"]) == 6
    assert "An extension has" in idp.refused(
        "method", "add", "ada", "call", "+14255550125", "--extension", "x"
    )
    assert idp("method", "add", "ada", "sms", "+14255550126", "--pin", exit_code=2)
    shown = idp.json("call", "show")
    assert shown["mode"] == "key"
    after = idp.json(
        "call", "set", "--mode", "pin", "--per-day", "7", "--country", "de", "--greeting", "de=Hallo."
    )
    assert (after["mode"], after["limits"]["daily"], after["limits"]["countries"]) == ("pin", 7, ["DE"])
    assert after["greetings"] == {"de": "Hallo."}
    assert "type a PIN" in idp("call", "set", "--all-countries", "--greeting", "de=").stdout
    assert idp("call", "set", "--greeting", "Hallo", exit_code=2)
    assert "A language is written" in idp.refused("call", "set", "--greeting", "d'=x")


def test_phones_are_filled_in_from_a_table(idp, tmp_path) -> None:
    idp("person", "add", "ada", "--password-stdin", given="correct horse\n")
    table = tmp_path / "phones.csv"
    table.write_text("name,mobile,office\nada,+14255550123,+492214710123\n")
    assert "2 phones would be added" in idp("method", "import", str(table), "--dry-run").stdout
    assert idp.json("method", "list", "ada") == []
    assert "1 people, 2 phones added" in idp("method", "import", str(table)).stdout
    assert [one["factor"] for one in idp.json("method", "list", "ada")] == ["sms", "call"]
    table.write_text("name,mobile\nada,12\neve,+14255550123\n")
    refused = idp("method", "import", str(table), exit_code=1).stderr
    assert "line 2, mobile: That is not a phone number" in refused
    assert "line 3, name: There is no person" in refused
    assert "Nothing was filled in." in refused

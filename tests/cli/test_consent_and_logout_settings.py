"""idp partner for what an application asks people and is told of sign-outs; idp consent."""

from __future__ import annotations

import pytest

REDIRECT = ("--redirect-uri", "https://wiki.example/cb")
OUT = ("--frontchannel-logout-uri", "https://wiki.example/out")
BEHIND = ("--backchannel-logout-uri", "https://wiki.example/behind")


def settings(idp):
    return idp.json("partner", "show", "wiki")["settings"]


def test_what_is_chosen_when_it_is_added(idp):
    idp.json("partner", "add-oidc", "wiki", *REDIRECT, *OUT, *BEHIND, "--pairwise", "--ask-consent")
    chosen = settings(idp)
    assert chosen["frontchannel_logout_uri"] == OUT[1]
    assert chosen["backchannel_logout_uri"] == BEHIND[1]
    assert (chosen["sector"], chosen["ask_consent"], chosen["require_pushed"]) == (
        "wiki.example",
        True,
        False,
    )


def test_what_is_chosen_later(idp):
    idp.json("partner", "add-oidc", "wiki", *REDIRECT)
    idp("partner", "set", "wiki", *OUT, *BEHIND, "--ask-consent", "--require-par")
    assert settings(idp)["backchannel_logout_uri"] == BEHIND[1]
    assert settings(idp)["require_pushed"]
    idp("partner", "set", "wiki", "--backchannel-logout-uri", "", "--no-ask-consent")
    after = settings(idp)
    assert (after["backchannel_logout_uri"], after["frontchannel_logout_uri"]) == ("", OUT[1])
    assert (after["ask_consent"], after["require_pushed"]) == (False, True)


@pytest.mark.parametrize(
    "wrong",
    [
        ("--frontchannel-logout-uri", "https://elsewhere.example/out"),
        ("--backchannel-logout-uri", "http://wiki.example/behind"),
    ],
)
def test_logout_addresses_that_could_not_work_are_refused(idp, wrong):
    assert idp.refused("partner", "add-oidc", "wiki", *REDIRECT, *wrong)
    idp.json("partner", "add-oidc", "wiki", *REDIRECT)
    assert idp.refused("partner", "set", "wiki", *wrong)


def test_pairwise_ids_need_one_host(idp):
    both = (*REDIRECT, "--redirect-uri", "https://b.example/")
    assert "one host" in idp.refused("partner", "add-oidc", "wiki", *both, "--pairwise")


def test_consents_are_listed_and_taken_back(idp):
    idp("person", "add", "ada", "--password-stdin", given="correct horse battery staple\n")
    idp.json("partner", "add-oidc", "wiki", *REDIRECT)
    assert idp.json("consent", "list", "ada") == []
    assert idp.refused("consent", "withdraw", "ada", "wiki")
    assert idp.refused("consent", "list", "nobody")

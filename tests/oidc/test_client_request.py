"""The filter before the token endpoint lets one reading through, or none."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.oidc import client_request
from idp.oidc.client_request import FORM, ClientRequest, Post
from idp.oidc.errors import OAuthError
from tests.oidc.house import basic

CODE = {"grant_type": "authorization_code", "code": "c", "redirect_uri": "https://wiki.example/cb"}


def read(**posted: Any) -> ClientRequest:
    return client_request.read(Post(**posted))


def refused(**changed: object) -> str:
    sent: dict[str, object] = {
        "authorization": "",
        "content_type": FORM,
        "query": b"",
        "body": urlencode({**CODE, "client_id": "wiki"}).encode(),
    }
    sent |= changed
    with pytest.raises(OAuthError) as caught:
        read(**sent)
    return caught.value.error


def form(**values: str) -> bytes:
    return urlencode({**CODE, **values}).encode()


def test_the_three_ways_to_say_who_one_is() -> None:
    plain = read(authorization="", content_type=FORM, query=b"", body=form(client_id="app"))
    assert (plain.presented.method, plain.presented.client_id) == ("none", "app")
    post = read(
        authorization="", content_type=FORM, query=b"", body=form(client_id="wiki", client_secret="s")
    )
    assert (post.presented.method, post.presented.secrets) == ("client_secret_post", ("s",))
    header = read(
        authorization=basic("wiki", "s"), content_type=FORM + "; charset=UTF-8", query=b"", body=form()
    )
    assert (header.presented.method, header.presented.client_id) == ("client_secret_basic", "wiki")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40))
def test_check_34_basic_credentials_are_form_decoded(secret: str) -> None:
    header = basic(quote_plus("https://app.example/:id"), quote_plus(secret))
    presented = read(authorization=header, content_type=FORM, query=b"", body=form()).presented
    assert presented.client_id == "https://app.example/:id"
    assert secret in presented.secrets


def test_a_secret_sent_without_encoding_is_read_as_it_is() -> None:
    header = basic("wiki", "a+b%2")
    presented = read(authorization=header, content_type=FORM, query=b"", body=form()).presented
    assert "a+b%2" in presented.secrets


def test_check_32_parameters_in_the_address_are_refused() -> None:
    assert refused(query=b"client_secret=s") == "invalid_request"
    assert refused(query=b"x") == "invalid_request"


def test_check_33_two_ways_at_once_are_refused() -> None:
    both = form(client_id="wiki", client_secret="s")
    assert refused(authorization=basic("wiki", "s"), body=both) == "invalid_request"
    assert refused(authorization=basic("wiki", "s"), body=form(client_id="app")) == "invalid_request"
    signed = {"client_assertion": "x", "client_assertion_type": client_request.ASSERTION}
    assert refused(authorization=basic("wiki", "s"), body=form(**signed)) == "invalid_request"
    assert refused(body=form(client_id="wiki", client_secret="s", **signed)) == "invalid_request"
    same = read(authorization=basic("wiki", "s"), content_type=FORM, query=b"", body=form(client_id="wiki"))
    assert same.presented.method == "client_secret_basic"


def test_check_15_repeated_parameters_are_refused() -> None:
    assert refused(body=form(client_id="wiki") + b"&code=other") == "invalid_request"
    assert refused(body=form(client_id="wiki") + b"&unknown=1&unknown=1") == "invalid_request"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"content_type": "application/json"}, "invalid_request"),
        ({"content_type": ""}, "invalid_request"),
        ({"content_type": "multipart/form-data; boundary=x"}, "invalid_request"),
        ({"body": b"%ff=%ff"}, "invalid_request"),
        ({"body": b""}, "invalid_client"),
        ({"body": form()}, "invalid_client"),
        ({"body": form(client_id="wiki", client_secret="s" * 2000)}, "invalid_client"),
        ({"body": form(client_id="wiki", client_assertion="x")}, "invalid_client"),
        ({"authorization": "Basic"}, "invalid_client"),
        ({"authorization": "Basic %%%"}, "invalid_client"),
        ({"authorization": "Basic " + b64encode(b"\xff:\xff").decode()}, "invalid_client"),
        ({"authorization": "Basic " + b64encode(b"no-colon").decode()}, "invalid_client"),
        ({"authorization": "Basic " + b64encode(b":secret").decode()}, "invalid_client"),
        ({"authorization": "Bearer token"}, "invalid_client"),
        ({"authorization": "Basic " + "A" * 5000}, "invalid_client"),
    ],
)
def test_what_is_refused(changed: dict[str, object], error: str) -> None:
    assert refused(**changed) == error


@given(st.text(max_size=60), st.text(max_size=60), st.binary(max_size=100), st.binary(max_size=200))
def test_anything_is_read_or_refused(
    authorization: str, content_type: str, query: bytes, body: bytes
) -> None:
    with suppress(OAuthError):
        read(authorization=authorization, content_type=content_type, query=query, body=body)


@given(st.binary(max_size=80))
def test_any_basic_header_is_read_or_refused(credentials: bytes) -> None:
    header = "Basic " + b64encode(credentials).decode()
    with suppress(OAuthError):
        presented = read(authorization=header, content_type=FORM, query=b"", body=form()).presented
        assert presented.method == "client_secret_basic"

"""Templates: values stay values, wherever they stand."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.channels.gateway import PLACES, HttpSettings
from idp.channels.template import check, check_json, fill, fill_json
from idp.core.errors import Refused

BODY = '{"to": ["{number}"], "message": {"text": "{text}", "n": 1, "x": null}, "as": "{number}: {text}"}'
VALUES = st.fixed_dictionaries({"number": st.text(max_size=30), "text": st.text(max_size=80)})


@given(values=VALUES)
def test_a_documents_shape_stays(values):
    filled = json.loads(fill_json(BODY, values))
    number, text = values["number"], values["text"]
    assert filled == {
        "to": [number],
        "message": {"text": text, "n": 1, "x": None},
        "as": f"{number}: {text}",
    }


@given(values=VALUES)
def test_an_address_keeps_its_place_and_its_fields(values):
    encodable = {name: value.encode("utf-8", "ignore").decode() for name, value in values.items()}
    url = "https://sms.example/{number}/send?to={number}&text={text}&fixed=1"
    parts = urlsplit(fill(url, encodable, lambda value: quote(value, safe="")))
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "sms.example", "")
    assert parts.path.count("/") == 2
    sent = parse_qsl(parts.query, keep_blank_values=True)
    assert sent == [("to", encodable["number"]), ("text", encodable["text"]), ("fixed", "1")]


def test_what_was_filled_in_is_not_looked_at_again():
    assert fill("{text}", {"text": "{secret}", "secret": "s"}) == "{secret}"
    assert fill("{ text } {TEXT} {} {{text}}", {"text": "x"}) == "{ text } {TEXT} {} {x}"


@pytest.mark.parametrize("template", ["{password}", "{text} {texts}", "x" * 5000])
def test_an_unknown_place_is_refused(template):
    with pytest.raises(Refused):
        check(template, PLACES)


@pytest.mark.parametrize(
    "body",
    ["", "x", "1", '"{text}"', '{"a": }', '{"a": "{password}"}', "[" * 3000, '{"{text}"'],
)
def test_what_is_no_document_is_refused(body):
    with pytest.raises(Refused):
        check_json(body, PLACES)


GOOD = {"url": "https://sms.example:8080/send?to={number}", "headers": {"X-Key": "{secret}"}}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"url": "http://sms.example/"}, "https://"),
        ({"url": "https://{text}/"}, "must be fixed"),
        ({"url": "{text}://sms.example/"}, "must be fixed"),
        ({"url": "https://sms.example:{digits}/"}, "must be fixed"),
        ({"url": "https://me:pw@sms.example/"}, "form"),
        ({"url": "file:///etc/passwd"}, "https://"),
        ({"url": "https://sms.example/ x"}, "https://"),
        ({"headers": {"X-Key": "{secret}", "X": "{text}"}}, "{text}"),
        ({"headers": {"X-Key": "{secret}\r\nY: z"}}, "one line"),
        ({"headers": {"X-Key": "{secret}", "Host": "x"}}, "header"),
        ({"headers": {"X-Key": "{secret}", "content-length": "0"}}, "header"),
        ({"headers": {"X-Key": "{secret}", "a b": "x"}}, "header"),
        ({"headers": {"Authorization": "Bearer abc"}}, "{secret}"),
        ({"headers": {}}, "Nothing uses the secret"),
        ({"form": {"a": "{b}"}}, "{b}"),
        ({"form": {"a": "b"}, "json": "{}"}, "not both"),
        ({"json": "x"}, "not JSON"),
        ({"user": "a:b"}, "colon"),
        ({"authorities": "x"}, "PEM"),
    ],
)
def test_gateways_that_cannot_be_used(change, why):
    HttpSettings(**GOOD).check(secret_given=True)
    with pytest.raises(Refused) as refused:
        HttpSettings(**(GOOD | change)).check(secret_given=True)
    assert why in refused.value.public


def test_a_secret_that_is_used_must_be_given():
    for settings in (HttpSettings(**GOOD), HttpSettings(url="https://sms.example/", user="me")):
        with pytest.raises(Refused, match="missing"):
            settings.check(secret_given=False)

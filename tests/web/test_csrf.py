from __future__ import annotations

import pytest
from flask.testing import FlaskClient

_OWN = "http://localhost:8000"


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": _OWN}, False),
        ({"Sec-Fetch-Site": ""}, False),
        ({"Sec-Fetch-Site": "same-origin, none"}, False),
        ({}, True),
        ({"Origin": _OWN}, True),
        ({"Origin": "null"}, False),
        ({"Origin": "http://127.0.0.1:8000"}, False),
        ({"Origin": "http://localhost:8001"}, False),
        ({"Origin": "https://localhost:8000"}, False),
        ({"Origin": "http://localhost:8000.evil.example"}, False),
    ],
)
def test_where_a_form_may_come_from(client: FlaskClient, headers: dict[str, str], accepted: bool) -> None:
    assert (client.post("/form", headers=headers).status_code == 200) is accepted


def test_the_host_header_does_not_make_a_site_ours(client: FlaskClient) -> None:
    headers = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert client.post("/form", headers=headers).status_code == 400


def test_partners_post_to_open_endpoints_only(client: FlaskClient) -> None:
    cross = {"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example.com"}
    assert client.post("/open", headers=cross).status_code == 200
    assert client.post("/form", headers=cross).status_code == 400
    assert client.get("/form", headers=cross).status_code == 200


def test_the_page_says_what_happened_in_plain_words(client: FlaskClient) -> None:
    answer = client.post("/form", headers={"Sec-Fetch-Site": "cross-site"})
    assert "This form was sent from another site" in answer.text
    assert "Sec-Fetch" not in answer.text

from __future__ import annotations

import pytest
from flask.testing import FlaskClient


@pytest.mark.parametrize(
    "query", ["\xec", "\xeclang=ar", "lang=\xff\xfe", "lang=%ff", "lang=%", "\0", "&&=&lang"]
)
@pytest.mark.parametrize(("address", "status"), [("/home", 200), ("/nowhere", 404), ("/fail/bad", 400)])
def test_no_query_breaks_a_page(client: FlaskClient, address: str, status: int, query: str) -> None:
    # As a server hands it on: text whose letters are really bytes.
    answer = client.get(address, environ_overrides={"QUERY_STRING": query})
    assert answer.status_code == status


def test_what_can_be_read_of_a_query_is_read(client: FlaskClient) -> None:
    answer = client.get("/home", environ_overrides={"QUERY_STRING": "\xec=1&lang=ar"})
    assert 'lang="ar"' in answer.text

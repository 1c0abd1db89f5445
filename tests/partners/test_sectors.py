"""Sector identifier addresses: fetched with care, and believed only when they list every address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Thread

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from idp.core.errors import Refused
from idp.net import HttpClient, Reach
from idp.partners.sectors import sector_at

ADDRESSES = ["https://a.example/cb", "https://b.example/cb"]
NEAR = HttpClient(Reach.of(loopback=True))


@dataclass
class Site:
    """What is found at the sector identifier address."""

    address: str = ""
    body: str = json.dumps([*ADDRESSES, "https://c.example/cb"])
    status: int = 200
    mimetype: str = "application/json"


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    @Request.application
    def app(_request: Request) -> Response:
        return Response(site.body, status=site.status, mimetype=site.mimetype)

    server = make_server("127.0.0.1", 0, app)
    thread = Thread(target=server.serve_forever)
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_port}/sector.json"
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


def test_check_29_the_host_of_a_list_that_holds_all_is_the_sector(site: Site) -> None:
    assert sector_at(NEAR, site.address, ADDRESSES) == "127.0.0.1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": json.dumps(ADDRESSES[:1])},
        {"body": json.dumps(["https://a.example/cb/", "https://B.example/cb"])},
        {"body": json.dumps({"redirect_uris": ADDRESSES})},
        {"body": "not json"},
        {"body": "[" * 5000},
        {"body": json.dumps([*ADDRESSES, "x" * 70_000])},
        {"status": 404},
        {"status": 302},
        {"mimetype": "text/html"},
    ],
    ids=str,
)
def test_check_29_anything_else_is_refused(site: Site, wrong: dict[str, object]) -> None:
    for name, value in wrong.items():
        setattr(site, name, value)
    with pytest.raises(Refused):
        sector_at(NEAR, site.address, ADDRESSES)


def test_case_42_an_inner_address_is_not_asked(site: Site) -> None:
    far = HttpClient(Reach())
    for address in (site.address, "https://10.0.0.1/sector.json", "file:///etc/passwd"):
        with pytest.raises(Refused):
            sector_at(far, address, ADDRESSES)

"""Turn away whoever comes from a banned network, before anything is done for them."""

from __future__ import annotations

from collections.abc import Callable, Collection

from flask import Flask, request

from idp.core.errors import Banned
from idp.web.visit import address_of


def install(app: Flask, banned: Callable[[str], bool], *, open_endpoints: Collection[str]) -> None:
    """Check every request's address, but at the endpoints that balancers and the page itself need."""
    exempt = frozenset({"static", *open_endpoints})

    def check() -> None:
        if request.endpoint not in exempt and banned(address_of(request)):
            raise Banned("Nobody can sign in from the network that you are in.", detail="banned network")

    app.before_request(check)

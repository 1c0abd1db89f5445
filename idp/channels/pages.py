"""The addresses that carriers report to: what became of a message they took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from flask import Blueprint, Response, request

from idp.audit import AuditLog, Entry, Event
from idp.channels import deliveries
from idp.channels.asking import flat
from idp.channels.carriers import Carriers
from idp.channels.deliveries import Delivery
from idp.core.errors import Refused
from idp.core.ports import Callback, Carrier, Clock, Receipt
from idp.keys import Issuers
from idp.store import Store

# Carriers' programs post to it from elsewhere.
OPEN_ENDPOINTS = ("channels.receipt",)
PATH = "/channels/receipts"
_LARGEST = 16 * 1024
_MOST_FIELDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPages:
    """What the addresses need."""

    store: Store
    clock: Clock
    audit: AuditLog
    issuers: Issuers
    carriers: Carriers

    def blueprint(self) -> Blueprint:
        """Return the routes; give OPEN_ENDPOINTS to the application."""
        blueprint = Blueprint("channels", __name__)
        route = f"{PATH}/<name>/<secret>"
        blueprint.add_url_rule(route, "receipt", self._receipt, methods=["GET", "POST"])
        return blueprint

    def _receipt(self, name: str, secret: str) -> Response:
        # Flask lets HEAD in with GET; it must not report anything (RFC 9110 9.3.2).
        if request.method == "HEAD":
            return Response(status=204)
        try:
            self._take(name, secret)
        except (Refused, ValueError):
            # The same for whatever is wrong with it: there is nothing to be learned here.
            return Response(status=404)
        return Response(status=204)

    def _take(self, name: str, secret: str) -> None:
        """Record the report, once. Raises Refused and ValueError when it is none of ours."""
        with self.store.read() as connection:
            delivery = deliveries.by_secret(connection, secret)
        if delivery is None:
            raise Refused("There is no such message.")
        receipt = self._carrier(name, delivery).receipt(read_callback(self.issuers.default().base_url))
        if receipt is not None:
            self._record(delivery, name, receipt)

    def _carrier(self, name: str, delivery: Delivery) -> Carrier:
        for each in self.carriers.ready():
            if each.carrier.name == name and each.carrier.kind == delivery.kind:
                return each.carrier
        raise Refused("There is no such carrier.")

    def _record(self, delivery: Delivery, carrier: str, receipt: Receipt) -> None:
        detail = {"delivery": delivery.id, "kind": delivery.kind, "carrier": carrier}
        entry = Entry(
            event=Event.DELIVERY_REPORTED,
            person=delivery.person,
            verdict="delivered" if receipt.arrived else "undelivered",
            reason=receipt.reason,
            detail=detail,
            actor=f"carrier:{carrier}",
        )
        with self.store.write() as unit:
            if deliveries.reported(unit, delivery.id, receipt, at=self.clock.now()):
                self.audit.record(unit, entry)


def read_callback(base_url: str) -> Callback:
    """Return the call that a carrier makes, at its address below base_url. Raises ValueError."""
    request.max_content_length = _LARGEST
    body, query = request.get_data(cache=False), request.query_string.decode("ascii")
    is_json = request.mimetype == "application/json"
    return Callback(
        # As it was given to the carrier, whatever the Host header says.
        address=f"{base_url}{request.path}" + (f"?{query}" if query else ""),
        query=_fields(query),
        posted=flat(body) if is_json else _fields(body.decode()),
        headers={key.lower(): value for key, value in request.headers.items()},
    )


def _fields(text: str) -> Mapping[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))

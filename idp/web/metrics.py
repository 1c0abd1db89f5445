"""Count what happens and how long it takes, for Prometheus, over all processes of this machine.

Counts come from the audit record, one place for all: an event is counted when its row is durable.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, g, request, request_started
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from idp.audit import Entry, Event
from idp.jobs import Waiting

_ANSWERS = frozenset({Event.TOKEN_ISSUED, Event.TOKEN_DENIED})
_TRIES = {
    Event.CREDENTIAL_ACCEPTED: "accepted",
    Event.CREDENTIAL_REFUSED: "refused",
    Event.LOCKED: "refused",
    Event.RIGHT_WHILE_LOCKED: "refused",
}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
# Seconds: a page is a few milliseconds, a password hash twenty, a busy queue seconds.
_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Metrics:
    """The counters of this process, or with shared of all that keep theirs in that folder.

    Such processes must be started with PROMETHEUS_MULTIPROC_DIR set to it: the library looks for
    it when it is imported.
    """

    def __init__(self, shared: Path | None = None) -> None:
        self.registry = CollectorRegistry()
        if shared is not None:
            MultiProcessCollector(self.registry, path=str(shared))  # type: ignore[no-untyped-call]  # it has no types
        own = None if shared is not None else self.registry
        self._answers = Counter(
            "countersign_answers",
            "Answers to applications. partner is the id that `idp partner list --json` shows",
            ("partner", "verdict", "reason"),
            registry=own,
        )
        self._tries = Counter(
            "countersign_tries",
            "Passwords, codes and other proofs that were looked at",
            ("factor", "outcome"),
            registry=own,
        )
        self._events = Counter("countersign_events", "Events of the audit record", ("event",), registry=own)
        self._seconds = Histogram(
            "countersign_request_seconds",
            "How long requests took",
            ("endpoint", "method", "status"),
            buckets=_BUCKETS,
            registry=own,
        )

    def saw(self, entry: Entry) -> None:
        """Count an event of the audit record."""
        self._events.labels(entry.event.value).inc()
        if entry.event in _ANSWERS:
            self._answers.labels(entry.partner, entry.verdict, entry.reason).inc()
        elif entry.event in _TRIES:
            self._tries.labels(entry.factor, _TRIES[entry.event]).inc()

    def install(self, app: Flask) -> None:
        """Time every request of the application."""

        def begin(_app: Flask, **_more: object) -> None:
            g.began = time.perf_counter()

        def end(response: Response) -> Response:
            # Only what we named ourselves: labels from outside would never end.
            method = request.method if request.method in _METHODS else "other"
            labels = (request.endpoint or "none", method, str(response.status_code))
            self._seconds.labels(*labels).observe(time.perf_counter() - g.began)
            return response

        # Not before_request: a refusal there (csrf, a ban) keeps what comes behind it from running.
        request_started.connect(begin, app, weak=False)
        app.after_request(end)


@dataclass(frozen=True, kw_only=True)
class MetricsPages:
    """The address /metrics, for whoever has the token."""

    metrics: Metrics
    token: str = field(repr=False)
    queues: Callable[[], Sequence[Waiting]]

    def blueprint(self) -> Blueprint:
        """Return the route."""
        blueprint = Blueprint("metrics", __name__)
        blueprint.add_url_rule("/metrics", "show", self._show)
        return blueprint

    def _show(self) -> Response:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            abort(401)
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        seen = CollectorRegistry()
        seen.register(self.metrics.registry)
        seen.register(_Queues(self.queues()))
        return Response(encode(seen), content_type=content_type)


class _Queues(Collector):
    """The outbox as gauges, read from the database at each look."""

    def __init__(self, queues: Sequence[Waiting]) -> None:
        self._queues = queues

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give one family for each number."""
        waiting = GaugeMetricFamily("countersign_outbox_waiting", "Messages to be sent", labels=("kind",))
        failing = GaugeMetricFamily(
            "countersign_outbox_failing", "Those of them that failed before", labels=("kind",)
        )
        oldest = GaugeMetricFamily(
            "countersign_outbox_oldest_seconds", "How long the first of them is due", labels=("kind",)
        )
        for queue in self._queues:
            waiting.add_metric((queue.kind,), queue.count)
            failing.add_metric((queue.kind,), queue.failing)
            oldest.add_metric((queue.kind,), queue.due_for.total_seconds())
        yield from (waiting, failing, oldest)

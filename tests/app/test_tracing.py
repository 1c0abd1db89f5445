"""Traces, as a collector receives them: what they say of a request, and what they must not say."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from idp.app import tracing
from idp.web.health import HealthPages
from idp.web.settings import WebSettings
from idp.web.setup import make_flask

SECRET = "4e5f6-a-code-of-somebody"


class Collector(ThreadingHTTPServer):
    """Takes what is sent to /v1/traces."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taker)
        self.received: list[bytes] = []

    def spans(self) -> list[Span]:
        return [
            span
            for data in self.received
            for resource in ExportTraceServiceRequest.FromString(data).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class _Taker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        self.server.received.append(data)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def ask(collector, monkeypatch):
    """Return a function that asks for an address and returns the span that the collector got."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
    app = make_flask(WebSettings.of(base_url="http://localhost:8000"))
    app.register_blueprint(HealthPages(checks={}).blueprint())
    provider = tracing.install(app)
    client = app.test_client()

    def one(path: str, method: str = "GET", **headers: str) -> Span:
        collector.received.clear()
        client.open(path, method=method, headers=headers)
        assert provider.force_flush()
        (span,) = collector.spans()
        return span

    yield one
    provider.shutdown()


def said(span: Span) -> dict[str, str | int]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


def test_a_span_says_which_page_how_it_went_and_what_joins_it_to_the_log(ask):
    span = ask("/healthz")
    facts = said(span)
    assert span.name == "health.live"
    assert span.kind == Span.SPAN_KIND_SERVER
    assert span.end_time_unix_nano > span.start_time_unix_nano
    assert facts["http.route"] == "/healthz"
    assert facts["http.response.status_code"] == 200
    assert len(facts["countersign.correlation"]) == 16


def test_what_is_refused_before_any_page_has_a_span(ask):
    span = ask("/healthz", "POST", Origin="https://evil.example")
    assert said(span)["http.response.status_code"] == 400


def test_no_span_holds_what_came_in_an_address(ask, collector):
    for path in (f"/healthz?code={SECRET}", f"/{SECRET}"):
        ask(path, Cookie=f"session={SECRET}", Referer=f"http://localhost/{SECRET}")
        assert SECRET.encode() not in b"".join(collector.received)


def test_a_trace_begun_in_front_goes_on(ask):
    span = ask("/healthz", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert span.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert span.parent_span_id.hex() == "b7ad6b7169203331"


def test_without_the_packages_it_is_said_at_the_start(monkeypatch):
    monkeypatch.setattr(tracing, "_INSTALLED", False)
    with pytest.raises(tracing.Refused, match=r"countersign-idp\[otel\]"):
        tracing.check()

"""Send a span for each request to an OpenTelemetry collector, where the extra `otel` is installed.

Our own spans instead of an instrumentation's: those hold whole addresses, and ours carry codes,
tokens and messages in their query.
"""

from __future__ import annotations

from flask import Flask, Response, g, request, request_started

from idp.core.errors import Refused
from idp.web import correlation

try:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.propagate import extract
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind, Status, StatusCode
except ImportError:
    _INSTALLED = False
else:
    _INSTALLED = True


def check() -> None:
    """Raise Refused when the extra is not installed."""
    if not _INSTALLED:
        raise Refused("IDP_TRACING needs more packages: install countersign-idp[otel].")


def install(app: Flask) -> TracerProvider:
    """Make a span of every request; where they go is said by the standard OTEL_* variables.

    Call it after a fork. A caller's traceparent joins our span to its trace.
    """
    provider = TracerProvider(resource=Resource.create({"service.name": "countersign"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracer = provider.get_tracer("countersign")

    def begin(_app: Flask, **_more: object) -> None:
        # Only names of ours: never the address, nor who asks.
        name = request.endpoint or "none"
        context = extract({"traceparent": request.headers.get("traceparent", "")})
        g.span = tracer.start_span(name, context=context, kind=SpanKind.SERVER)
        g.span.set_attribute("http.request.method", request.method if request.endpoint else "_OTHER")
        g.span.set_attribute("http.route", request.url_rule.rule if request.url_rule else "")
        g.span.set_attribute("countersign.correlation", correlation.current())

    def end(response: Response) -> Response:
        g.span.set_attribute("http.response.status_code", response.status_code)
        if response.status_code >= 500:
            g.span.set_status(Status(StatusCode.ERROR))
        g.span.end()
        return response

    # Not before_request: a refusal there (csrf, a ban) keeps what comes behind it from running.
    request_started.connect(begin, app, weak=False)
    app.after_request(end)
    return provider

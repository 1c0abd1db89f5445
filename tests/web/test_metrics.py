"""Metrics: counted once durable, shown to the token's holder, summed over processes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from idp.audit import AuditLog, Entry, Event
from idp.jobs import Outbox
from idp.keys import MasterKey, Sealer
from idp.web.metrics import Metrics, MetricsPages
from idp.web.settings import WebSettings
from idp.web.setup import make_flask

TOKEN = "a token for Prometheus"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def outbox(store, clock) -> Outbox:
    return Outbox(store, Sealer(MasterKey(b"k" * 32)), clock)


@pytest.fixture
def client(metrics, outbox):
    app = make_flask(WebSettings.of(base_url="http://localhost:8000"))
    metrics.install(app)
    pages = MetricsPages(metrics=metrics, token=TOKEN, queues=outbox.queues)
    app.register_blueprint(pages.blueprint())
    return app.test_client()


@pytest.fixture
def shown(client):
    def look() -> dict[tuple[str, ...], float]:
        answer = client.get("/metrics", headers=HEADERS)
        assert answer.status_code == 200
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    return look


def record(store, clock, metrics, *entries: Entry) -> None:
    log = AuditLog(clock, lambda _line: None, metrics.saw)
    with store.write() as unit:
        for entry in entries:
            log.record(unit, entry)


def test_answers_and_tries_are_counted_by_partner_factor_and_reason(store, clock, metrics, shown):
    issued = Entry(event=Event.TOKEN_ISSUED, partner="p1", verdict="issue")
    record(store, clock, metrics, issued, issued)
    record(
        store, clock, metrics, Entry(event=Event.TOKEN_DENIED, partner="p1", verdict="deny", reason="access")
    )
    record(
        store,
        clock,
        metrics,
        Entry(event=Event.CREDENTIAL_ACCEPTED, factor="totp"),
        Entry(event=Event.LOCKED, factor="password"),
    )
    seen = shown()
    assert seen["countersign_answers_total", "p1", "", "issue"] == 2
    assert seen["countersign_answers_total", "p1", "access", "deny"] == 1
    assert seen["countersign_tries_total", "totp", "accepted"] == 1
    assert seen["countersign_tries_total", "password", "refused"] == 1
    assert seen["countersign_events_total", "locked"] == 1


def test_what_was_rolled_back_is_not_counted(store, clock, metrics, shown):
    broken = Entry(event=Event.TOKEN_ISSUED, partner="p1", verdict="issue", detail={"fine": "yes"})
    with pytest.raises(TypeError):
        record(store, clock, metrics, broken, replace(broken, detail={"no": object()}))
    assert not [name for name in shown() if name[0] == "countersign_answers_total"]


def test_requests_are_timed_by_names_of_ours_only(client, shown):
    client.get("/no-such-page/with-a-name-of-somebody")
    client.open("/metrics", method="BREW")
    seen = shown()
    assert seen["countersign_request_seconds_count", "none", "GET", "404"] == 1
    assert seen["countersign_request_seconds_count", "none", "other", "405"] == 1
    assert not [name for name in seen if "somebody" in str(name)]


def test_what_is_refused_before_any_page_is_timed_and_answered_all_the_same(client, shown):
    from_elsewhere = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert client.post("/metrics", headers=from_elsewhere).status_code == 400
    assert shown()["countersign_request_seconds_count", "none", "POST", "400"] == 1


def test_queues_say_how_much_waits_and_how_long(store, clock, outbox, shown):
    with store.write() as unit:
        for key in ("a", "b"):
            outbox.put(unit, kind="text", idempotency_key=key, payload={"to": "x"})
    clock.advance(seconds=30)
    seen = shown()
    assert seen["countersign_outbox_waiting", "text"] == 2
    assert seen["countersign_outbox_failing", "text"] == 0
    assert seen["countersign_outbox_oldest_seconds", "text"] == 30


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer"}, {"Authorization": f"Basic {TOKEN}"}])
def test_without_the_token_nothing_is_shown(client, headers):
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert "countersign_" not in answer.text

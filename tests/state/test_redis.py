"""The Redis backend: the port's rules, and what is its own affair."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from socket import create_server
from time import monotonic, sleep

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from redis import Redis

from idp.core.clock import SystemClock
from idp.core.errors import Refused, Unavailable
from idp.state import open_state
from idp.state.redis import open_redis
from tests import backends
from tests.demo.running import free_ports
from tests.state.conformance import MINUTE, StateConformance


def opened(url: str, clock):
    """Open a state; at module level, so that other processes can."""
    return open_redis(url, clock)


@pytest.fixture
def url() -> str:
    return backends.redis().url(secrets.token_hex(8))


@pytest.fixture
def state(url, clock):
    return open_redis(url, clock)


class TestRedisState(StateConformance):
    @pytest.fixture
    def opener(self, url):
        return partial(opened, url)


def test_it_outlives_its_client(url, clock):
    open_redis(url, clock).put("k", "kept", MINUTE)
    assert open_redis(url, clock).get("k").value == "kept"


def test_installations_on_one_server_do_not_meet(clock):
    one = open_redis(backends.redis().url(secrets.token_hex(8)), clock)
    other = open_redis(backends.redis().url(secrets.token_hex(8)), clock)
    one.put("k", "mine", MINUTE)
    assert other.get("k") is None
    assert other.pop("k") is None
    assert one.get("k").value == "mine"


def test_redis_forgets_by_itself_what_has_expired(url, clock):
    state = open_redis(url, clock)
    state.put("k", "v", timedelta(seconds=1))
    state.incr("n", timedelta(seconds=1))
    prefix = url.partition("prefix=")[2]
    with Redis(port=backends.redis().port) as redis:
        for key in ("k", "n"):
            left = redis.pttl(f"{prefix}:{key}")
            # A while longer than the record says of itself, for clocks that differ.
            assert 1000 < left <= 1000 + timedelta(minutes=5) // timedelta(milliseconds=1)
    assert state.sweep() == 0


def test_a_killed_server_costs_errors_while_it_is_away_and_comes_back_empty(clock):
    server = backends.RedisServer()
    state = open_redis(server.url(), clock)
    try:
        state.put("k", "v", MINUTE)
        held = state.get("k")
        server.kill()
        uses = (
            lambda: state.put("k", "w", MINUTE),
            lambda: state.get("k"),
            lambda: state.pop("k"),
            lambda: state.cas("k", held.version, "w"),
            lambda: state.incr("n", MINUTE),
        )
        for use in uses:
            with pytest.raises(Unavailable):
                use()
        server.start()
        # The scripts are gone with the data, and so is every open connection.
        assert state.cas("k", held.version, "w") is False
        assert state.get("k") is None
        assert state.put("k", "new", MINUTE, absent=True) is True
        assert state.incr("n", MINUTE) == 1
    finally:
        server.stop()


def test_a_server_that_does_not_answer_is_given_up(clock):
    with create_server(("127.0.0.1", 0)) as silent:
        began = monotonic()
        with pytest.raises(Unavailable):
            open_redis(f"redis://127.0.0.1:{silent.getsockname()[1]}", clock).get("k")
        assert monotonic() - began < 10


def test_a_wrong_password_is_told_without_it(clock):
    server = backends.RedisServer("--requirepass", "the-right-one")
    try:
        at = f"127.0.0.1:{server.port}/0"
        state = open_redis(f"redis://:the-right-one@{at}", clock)
        assert state.put("k", "v", MINUTE)
        with pytest.raises(Unavailable) as caught:
            open_redis(f"redis://:the-wrong-one@{at}", clock).get("k")
        assert "the-wrong-one" not in f"{caught.value!r} {caught.value.__cause__!r}"
        assert "the-right-one" not in repr(vars(state))
    finally:
        server.stop()


def test_tls_checks_the_certificate_and_its_name(clock, tmp_path):
    ours, other = authority(tmp_path / "ours"), authority(tmp_path / "other")
    port = free_ports(1)[0]
    server = backends.RedisServer(
        *("--tls-port", str(port), "--tls-auth-clients", "no", "--tls-ca-cert-file", str(ours)),
        *("--tls-cert-file", str(ours), "--tls-key-file", str(ours.with_suffix(".key"))),
    )
    try:
        state = open_redis(f"rediss://localhost:{port}/0?ssl_ca_certs={ours}", clock)
        assert state.put("k", "v", MINUTE)
        assert state.get("k").value == "v"
        for host, trusted in (("localhost", other), ("127.0.0.1", ours)):
            with pytest.raises(Unavailable):
                open_redis(f"rediss://{host}:{port}/0?ssl_ca_certs={trusted}", clock).get("k")
    finally:
        server.stop()


def authority(path: Path) -> Path:
    """Make a certificate for localhost that is its own authority; its key is beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = SystemClock().now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    path = path.with_suffix(".pem")
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    path.with_suffix(".key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def test_sentinel_leads_to_the_new_master_after_the_old_one_died(clock, tmp_path):
    first = backends.RedisServer()
    second = backends.RedisServer("--replicaof", f"127.0.0.1 {first.port}")
    config = tmp_path / "sentinel.conf"
    config.write_text(
        f"sentinel monitor people 127.0.0.1 {first.port} 1\n"
        "sentinel down-after-milliseconds people 300\n"
        "sentinel failover-timeout people 2000\n"
    )
    sentinel = backends.RedisServer(program=(str(config), "--sentinel"))
    try:
        state = open_redis(f"redis+sentinel://127.0.0.1:1,127.0.0.1:{sentinel.port}/people/0", clock)
        _until(lambda: state.put("k", "v", MINUTE))
        with Redis(port=second.port) as replica:
            _until(lambda: replica.keys("*") != [])
        with Redis(port=sentinel.port) as watching:
            _until(lambda: watching.sentinel_masters()["people"]["num-slaves"] == 1)
        first.kill()
        _until(lambda: state.incr("n", MINUTE))
        assert state.get("k").value == "v"
    finally:
        for server in (first, second, sentinel):
            server.stop()


def _until(works: Callable[[], object]) -> None:
    end = monotonic() + 60
    while True:
        try:
            if works():
                return
        except Unavailable:
            pass
        assert monotonic() < end
        sleep(0.1)


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://:secret@",
        "redis://:secret@host:port/0",
        "redis://:secret@host/zero",
        "redis://:secret@host/0?ssl_cert_reqs=none",
        "rediss://:secret@host/0?ssl_cert_reqs=none",
        "redis://:secret@host/0?nonsense",
        "redis://:secret@host/0#fragment",
        "redis+sentinel://:secret@host",
        "redis+sentinel://:secret@host,/service",
    ],
)
def test_other_urls_are_refused_without_quoting_them(url, tmp_path, clock):
    with pytest.raises(Refused) as refused:
        open_state(url, data=tmp_path, clock=clock)
    assert "secret" not in str(refused.value)
    assert "rediss://" in refused.value.public


def test_a_password_may_hold_anything(clock):
    state = open_redis("rediss://the%40user:p%3Aw%2F@[::1]:1/3?prefix=mine", clock)
    chosen = state._redis.connection_pool.connection_kwargs
    assert (chosen["username"], chosen["password"]) == ("the@user", "p:w/")
    assert (chosen["host"], chosen["port"], chosen["db"]) == ("::1", 1, 3)
    assert chosen["ssl_cert_reqs"] == "required"
    assert chosen["ssl_check_hostname"] is True

"""The Redis state backend: for more than one machine. Plain, by TLS, or found through Sentinel."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

from idp.core.errors import Refused, Unavailable
from idp.core.ports import Clock, Held

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Redis deletes by its own clock, we judge by ours: it keeps things long enough for us to judge.
_CLOCKS_DIFFER = timedelta(minutes=5)
_PATIENCE = 3.0  # seconds for an answer; a person waits for it
_PREFIX = "countersign"
_PORT, _SENTINEL_PORT = 6379, 26379
_MOST_CONNECTIONS = 512  # more than a process has threads
FORM = (
    "The state URL must be like redis://user:password@host:6379/0, rediss://... with TLS, or "
    "redis+sentinel://user:password@host:26379,host:26379/service/0."
)
# What the query may say; anything else is a mistake that should be told.
_TLS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
_OWN = frozenset({"prefix", "sentinel_username", "sentinel_password"})

# Each value is a hash: v the value, n its version, e its end in microseconds since 1970 by the
# Clock port. Numbers are compared as numbers only below 2**53; versions are compared as text.
_ENDS = "local e = redis.call('HGET', KEYS[1], 'e') local live = e and tonumber(e) > tonumber(ARGV[1]) "
_STORE = (
    "redis.call('DEL', KEYS[1]) "
    "redis.call('HSET', KEYS[1], 'v', ARGV[2], 'n', ARGV[3], 'e', ARGV[4]) "
    "redis.call('PEXPIRE', KEYS[1], ARGV[5]) "
)
_PUT_ABSENT = _ENDS + "if live then return 0 end " + _STORE + "return 1"
_PUT = _STORE + "return 1"
_POP = (
    _ENDS + "local v = redis.call('HGET', KEYS[1], 'v') redis.call('DEL', KEYS[1]) "
    "if live then return v end return false"
)
_CAS = (
    _ENDS + "if not live or redis.call('HGET', KEYS[1], 'n') ~= ARGV[3] then return 0 end "
    "redis.call('HSET', KEYS[1], 'v', ARGV[2]) redis.call('HINCRBY', KEYS[1], 'n', 1) return 1"
)
_INCR = (
    _ENDS + "if live then redis.call('HSET', KEYS[1], 'n', ARGV[3]) "
    "return redis.call('HINCRBY', KEYS[1], 'v', 1) end " + _STORE + "return 1"
)


class RedisState:
    """State in a Redis: exact between all nodes, since each step is one script there."""

    def __init__(self, redis: Redis, clock: Clock, *, prefix: str = _PREFIX) -> None:
        self._redis = redis
        self._clock = clock
        self._prefix = prefix + ":"
        self._put, self._put_absent = redis.register_script(_PUT), redis.register_script(_PUT_ABSENT)
        self._pop, self._cas = redis.register_script(_POP), redis.register_script(_CAS)
        self._incr = redis.register_script(_INCR)

    def put(self, key: str, value: str, ttl: timedelta, *, absent: bool = False) -> bool:
        """Store a value; with absent only when no live one exists. Return whether stored."""
        script = self._put_absent if absent else self._put
        return bool(_asked(lambda: script(keys=[self._key(key)], args=self._new(value, ttl))))

    def get(self, key: str) -> Held | None:
        """Return the live value and its version, or None."""
        found = _asked(lambda: self._redis.hmget(self._key(key), "v", "n", "e"))
        value, version, ends = cast(list[bytes | None], found)
        if value is None or version is None or ends is None or int(ends) <= self._now():
            return None
        return Held(value=value.decode(), version=int(version))

    def pop(self, key: str) -> str | None:
        """Return and delete the live value: of several callers exactly one gets it."""
        value: bytes | None = _asked(lambda: self._pop(keys=[self._key(key)], args=[self._now()]))
        return None if value is None else value.decode()

    def cas(self, key: str, version: int, value: str) -> bool:
        """Replace the value if its version is still the one given. Return whether replaced."""
        arguments: list[str | int] = [self._now(), value, version]
        return bool(_asked(lambda: self._cas(keys=[self._key(key)], args=arguments)))

    def incr(self, key: str, ttl: timedelta) -> int:
        """Add one to a counter, made with the ttl if absent. Return the new count."""
        return int(_asked(lambda: self._incr(keys=[self._key(key)], args=self._new("1", ttl))))

    def sweep(self) -> int:
        """Return 0: Redis deletes what has expired by itself."""
        return 0

    def _key(self, key: str) -> str:
        return self._prefix + key

    def _now(self) -> int:
        return (self._clock.now() - _EPOCH) // _MICROSECOND

    def _new(self, value: str, ttl: timedelta) -> list[str | int]:
        # A random version: a value that was popped and put again never fits an old `cas`.
        now = self._now()
        kept = (ttl + _CLOCKS_DIFFER) // timedelta(milliseconds=1)
        return [now, value, secrets.randbits(62), now + ttl // _MICROSECOND, kept]


def _asked(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except RedisError as error:
        # What the driver says names host and port, never the password.
        raise Unavailable(detail=str(error)) from error


def open_redis(url: str, clock: Clock) -> RedisState:
    """Return the state at a redis URL; connects at the first use.

    Its query may name prefix (of the keys), for TLS ssl_ca_certs, ssl_certfile and ssl_keyfile, and
    sentinel_username and sentinel_password. Raises Refused, without the URL: it may hold a password.
    """
    try:
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        tls = parts.scheme.startswith("rediss")
        if parts.fragment or asked.keys() - _OWN - (_TLS if tls else frozenset()):
            raise Refused(FORM)
        connect = _to_service if "+" in parts.scheme else _to_host
        redis = connect(parts, asked, _connection(parts, asked, tls=tls))
    except ValueError:
        # Alone: the cause may quote a password with a slash in it as the port that it is not.
        raise Refused(FORM) from None
    return RedisState(redis, clock, prefix=asked.get("prefix", _PREFIX))


def _connection(parts: SplitResult, asked: Mapping[str, str], *, tls: bool) -> dict[str, Any]:
    return {
        "username": unquote(parts.username or "") or None,
        "password": unquote(parts.password or "") or None,
        "socket_timeout": _PATIENCE,
        "socket_connect_timeout": _PATIENCE,
        "max_connections": _MOST_CONNECTIONS,
        # Once more on a new connection, since a restarted server cut those of the pool. Not after
        # a timeout: then it may well have been done.
        "retry": Retry(NoBackoff(), 1, supported_errors=(ConnectionLost,)),
        **({"ssl": True} if tls else {}),
        **{name: asked[name] for name in _TLS & asked.keys()},
    }


def _to_host(parts: SplitResult, _asked: Mapping[str, str], connection: Mapping[str, Any]) -> Redis:
    if not parts.hostname:
        raise ValueError(parts.scheme)
    number = int(parts.path.strip("/") or 0)
    return Redis(host=parts.hostname, port=parts.port or _PORT, db=number, **connection)


def _to_service(parts: SplitResult, asked: Mapping[str, str], connection: Mapping[str, Any]) -> Redis:
    hosts = [urlsplit(f"//{host}") for host in parts.netloc.rpartition("@")[2].split(",")]
    places = [(host.hostname, host.port or _SENTINEL_PORT) for host in hosts]
    service, _, number = parts.path.strip("/").partition("/")
    if not service or not all(name for name, _ in places):
        raise ValueError(parts.scheme)
    # What Sentinel itself asks for is its own; the rest of the connection is the same.
    own = {name: asked.get(f"sentinel_{name}") for name in ("username", "password")}
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # typed but for this
        places, sentinel_kwargs={**connection, **own}
    )
    client: Redis = sentinel.master_for(  # type: ignore[no-untyped-call]  # the same
        service, db=int(number or 0), **connection
    )
    return client

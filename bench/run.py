"""Measure Countersign on this machine: what an answer, a sign-in and a start cost.

Run by `make bench`; README.md beside this file says how to read the table.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import backend
import bare
import crowd
import machine
import waiting
from figures import Figure, Results
from rich.console import Console
from server import TOKENS, Installation, Running
from visitor import Visitor, current_step
from ways import Ways

_ROOT = Path(__file__).resolve().parent.parent
_RESULTS = _ROOT / "bench" / "results.json"
_PEOPLE = 15
_BROWSERS = 16
_PARTS = ("answers", "tokens", "sign-ins", "ways", "crowd", "waiting")
_STEPS = 3  # a code counts once, and is taken one step early or late: so three per person at once


@dataclass(slots=True)
class Measured:
    """CPU milliseconds of each thing, one value per round."""

    rsa: list[float] = field(default_factory=list)
    p256: list[float] = field(default_factory=list)
    hash: list[float] = field(default_factory=list)
    saml: list[float] = field(default_factory=list)
    lean: list[float] = field(default_factory=list)
    saml_by_rsa: list[float] = field(default_factory=list)
    lean_by_rsa: list[float] = field(default_factory=list)
    encrypted: list[float] = field(default_factory=list)
    posted: list[float] = field(default_factory=list)
    oidc: list[float] = field(default_factory=list)
    userinfo: list[float] = field(default_factory=list)
    refresh: list[float] = field(default_factory=list)
    machine: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in TOKENS})
    introspect: list[float] = field(default_factory=list)
    by_passkey: list[float] = field(default_factory=list)
    by_phone: list[float] = field(default_factory=list)
    look: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    crowded: list[float] = field(default_factory=list)
    crowded_by_alone: list[float] = field(default_factory=list)
    sign_in: list[float] = field(default_factory=list)
    beyond_hash: list[float] = field(default_factory=list)
    waited: waiting.Waited = field(default_factory=waiting.Waited)


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measure (default 5)")
    parser.add_argument("--count", type=int, default=200, help="answers in one round (default 200)")
    parser.add_argument(
        "--backend",
        choices=backend.KINDS,
        default=backend.KINDS[0],
        help="what data is kept in (default %(default)s); postgres is with Redis, both started for this",
    )
    parser.add_argument(
        "--only", choices=_PARTS, action="append", help="measure this part, not all; may be repeated"
    )
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument(
        "--plain-rsa",
        action="store_true",
        help="sign as processors without AVX-512 IFMA do, which take about twice as long for RSA",
    )
    given = parser.parse_args()
    if given.plain_rsa and machine.MASK not in os.environ:
        # OpenSSL looks once, when it is loaded: start again, so that every process has it.
        masked = os.environ | {machine.MASK: machine.NO_IFMA}
        os.execve(sys.executable, [sys.executable, *sys.argv], masked)  # noqa: S606 - this program
    results = measure(given.backend, given.only or _PARTS, rounds=given.rounds, count=given.count)
    _RESULTS.write_text(json.dumps(results.plain(), indent=1) + "\n")
    if given.markdown:
        print(results.markdown())
    else:
        results.show(Console(width=None if os.isatty(1) else 110))


def measure(kind: str, parts: Sequence[str], *, rounds: int, count: int) -> Results:
    """Return the figures of a fresh installation, removed afterwards."""
    before, (server_core, client_core) = machine.load(), machine.cores()
    (_ROOT / "var").mkdir(exist_ok=True)
    # In the checkout, since /tmp is memory on many machines: durable rows must cost what they cost.
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=_ROOT / "var") as folder,
        backend.running(kind) as data,
    ):
        installation = Installation(Path(folder), data)
        with installation.serving(server_core) as first:
            people = [f"person{number}" for number in range(_PEOPLE)]
            installation.settle(people)
        key = waiting.key()
        holders = waiting.fill(installation, key) if "waiting" in parts else []
        with installation.serving(server_core) as second, machine.on_core(client_core):
            measured = Measured()
            memory = _measured(measured, second, people, parts, server_core, rounds=rounds, count=count)
            if holders:
                measured.waited = waiting.measure(second, holders, key)
    return Results(
        machine=machine.description() | {"backend": data.name},
        load=(before, machine.load()),
        rounds=rounds,
        figures=[one for one in _figures(measured, (first.start, second.start), memory) if one.values],
    )


def _measured(
    measured: Measured,
    server: Running,
    people: list[str],
    parts: Sequence[str],
    core: int,
    *,
    rounds: int,
    count: int,
) -> float:
    """Measure the parts that are wanted; return the memory of the worker, before many come at once."""
    if "answers" in parts:
        _answers(measured, server, people[0], core, rounds=rounds, count=count)
    if "tokens" in parts:
        _tokens(measured, server, people[1], rounds=rounds, count=count)
    if "sign-ins" in parts:
        _sign_ins(measured, server, people[2:-2], core)
    if "ways" in parts:
        _ways(measured, server, people[-2:], count=count)
    memory = server.memory()
    if "crowd" in parts:
        _crowd(measured, server, people, rounds=rounds, count=count)
    return memory


def _answers(measured: Measured, server: Running, person: str, core: int, *, rounds: int, count: int) -> None:
    """Measure what a live session makes possible, between bare signatures."""
    visitor = Visitor(server.port)
    visitor.sign_in(person, code_at=current_step())
    for _ in range(20):  # the first ones fill caches
        visitor.saml()
        visitor.saml("assertion")
        visitor.saml_encrypted()
        visitor.saml_posted()
        token = visitor.oidc()["access_token"]
        visitor.userinfo(token)
    for _ in range(rounds):
        with machine.on_core(core):
            rsa, p256 = bare.rsa_2048(), bare.p_256()
        saml = _each(server, visitor.saml, count)
        lean = _each(server, lambda: visitor.saml("assertion"), count)
        with machine.on_core(core):
            rsa = (rsa + bare.rsa_2048()) / 2
        measured.rsa.append(rsa)
        measured.p256.append(p256)
        measured.saml.append(saml)
        measured.saml_by_rsa.append(rsa / saml)
        measured.lean.append(lean)
        measured.lean_by_rsa.append(rsa / lean)
        measured.encrypted.append(_each(server, visitor.saml_encrypted, count))
        measured.posted.append(_each(server, visitor.saml_posted, count))
        measured.oidc.append(_each(server, visitor.oidc, count))
        measured.userinfo.append(_each(server, lambda: visitor.userinfo(token), count))


def _tokens(measured: Measured, server: Running, person: str, *, rounds: int, count: int) -> None:
    """Measure what applications, machines and APIs do without a browser."""
    visitor = Visitor(server.port)
    visitor.sign_in(person, code_at=current_step())
    refreshing, token = visitor.refreshing(), visitor.machine("opaque")
    for _ in range(rounds):
        measured.refresh.append(_each(server, lambda: next(refreshing), count))
        for kind, values in measured.machine.items():
            values.append(_each(server, lambda: visitor.machine(kind), count))  # noqa: B023 - used at once
        measured.introspect.append(_each(server, lambda: visitor.introspect(token), count))


def _sign_ins(measured: Measured, server: Running, people: list[str], core: int) -> None:
    """Measure whole sign-ins; each person has one code to use per round."""
    visitor = Visitor(server.port)
    for ahead in range(_STEPS):
        with machine.on_core(core):
            hashing = bare.password_hash()
        names, step = iter(people), current_step() + ahead - 1
        sign_in = _each(server, lambda: visitor.sign_in(next(names), code_at=step), len(people))  # noqa: B023
        with machine.on_core(core):
            hashing = (hashing + bare.password_hash()) / 2
        measured.hash.append(hashing)
        measured.sign_in.append(sign_in)
        measured.beyond_hash.append(sign_in - hashing)


def _ways(measured: Measured, server: Running, people: list[str], *, count: int) -> None:
    """Measure sign-ins by passkey and by the phone app, and what a page that waits for a phone costs."""
    holder, caller = Ways(server.port), Ways(server.port)
    holder.add(people[0], "passkey", code_at=current_step())
    caller.add(people[1], "push", code_at=current_step())
    for _ in range(_STEPS):
        measured.by_passkey.append(_each(server, lambda: holder.by_passkey(people[0]), 20))
        measured.by_phone.append(_each(server, lambda: caller.by_phone(people[1]), 20))
    place = caller.to_number(people[1])
    for _ in range(_STEPS):
        measured.look.append(_each(server, lambda: caller.outcome(place), count))


def _crowd(measured: Measured, server: Running, people: list[str], *, rounds: int, count: int) -> None:
    """Time single sign-on alone, and while many type passwords."""
    visitor = Visitor(server.port)
    visitor.sign_in(people[0], code_at=current_step() + 1)
    visitor.saml()
    for _ in range(rounds):
        alone = _slowest(visitor.saml, count)
        with crowd.typing(server.port, people, _BROWSERS):
            crowded = _slowest(visitor.saml, count)
        measured.alone.append(alone)
        measured.crowded.append(crowded)
        measured.crowded_by_alone.append(crowded / alone)


def _slowest(work: Callable[[], object], count: int) -> float:
    """Return the milliseconds, by the clock on the wall, that 99 of 100 take at most."""
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return sorted(taken)[math.ceil(count * 0.99) - 1] * 1000


def _each(server: Running, work: Callable[[], object], count: int) -> float:
    """Return the server's CPU milliseconds for one of count pieces of work."""
    before = server.cpu()
    for _ in range(count):
        work()
    return (server.cpu() - before) / count * 1000


def _figures(measured: Measured, starts: tuple[float, float], memory: float) -> list[Figure]:
    waited = measured.waited
    return [
        Figure("SAML answer, both signatures", "ms", measured.saml, costs=True),
        Figure("SAML answer, assertion signed", "ms", measured.lean, costs=True),
        Figure("SAML answer, encrypted", "ms", measured.encrypted, costs=True),
        Figure("SAML answer to a signed POST", "ms", measured.posted, costs=True),
        Figure("OIDC code flow", "ms", measured.oidc, costs=True),
        Figure("OIDC userinfo", "ms", measured.userinfo, costs=True),
        Figure("refresh", "ms", measured.refresh, goal="at most 8.3 ms", costs=True),
        *(
            Figure(f"client credentials, {kind}", "ms", values, goal="at most 8.3 ms", costs=True)
            for kind, values in measured.machine.items()
        ),
        Figure("introspection", "ms", measured.introspect, goal="at most 2 ms", costs=True),
        Figure("two-factor sign-in", "ms", measured.sign_in, costs=True),
        Figure("the same beyond the password hash", "ms", measured.beyond_hash, goal="at most 15 ms"),
        Figure("sign-in by passkey", "ms", measured.by_passkey, costs=True),
        Figure("sign-in by phone app, with its calls", "ms", measured.by_phone, costs=True),
        Figure("a look of a page that waits", "ms", measured.look, goal="at most 1 ms", costs=True),
        Figure(f"{waiting.PAGES:,} pages that wait, of a worker", "", waited.share, goal="at most 0.1"),
        Figure("their looks in a second", "", waited.looks),
        Figure("from the phone's answer until its page knows", "s", waited.late),
        Figure("password hash (argon2id)", "ms", measured.hash, costs=True),
        Figure("single sign-on, p99 on the wall", "ms", measured.alone),
        Figure(f"the same, while {_BROWSERS} type passwords", "ms", measured.crowded),
        Figure("the one by the other", "", measured.crowded_by_alone),
        Figure("bare RSA-2048 signature", "ms", measured.rsa, costs=True),
        Figure("bare P-256 signature", "ms", measured.p256, costs=True),
        Figure("SAML answers, both, by RSA-2048 rate", "", measured.saml_by_rsa, goal="at least 0.15"),
        Figure("SAML answers, assertion, by RSA-2048 rate", "", measured.lean_by_rsa, goal="at least 0.15"),
        Figure("first start, to ready", "s", [starts[0]]),
        Figure("later start, to ready", "s", [starts[1]]),
        Figure("memory of the worker (PSS)", "MB", [memory]),
    ]


if __name__ == "__main__":
    main()

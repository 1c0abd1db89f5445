"""Say what this machine is, where a process runs, and what it used: read from /proc."""

from __future__ import annotations

import os
import platform
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")
# What OpenSSL reads to pass over a processor's abilities; here those of AVX-512 IFMA (leaf 7, EBX, bit 21).
MASK = "OPENSSL_ia32cap"
NO_IFMA = ":~0x200000"


def cores() -> tuple[int, int]:
    """Return the processor for the server and the one for the client: two, where there are two."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Run this thread, and what it starts, on one processor."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, at = [pid], 0
    while at < len(found):
        found += children.get(found[at], [])
        at += 1
    return found


def cpu(pids: list[int]) -> float:
    """Return the seconds that the processes have computed, user and system, so far."""
    return sum(sum(map(int, fields[11:13])) for fields in map(_stat, pids) if fields) / _TICKS


def memory(pid: int) -> float:
    """Return a process's memory in MB; what is shared counts in equal shares (PSS)."""
    lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def load() -> str:
    """Return the load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def threads(pid: int) -> int:
    """Return how many threads a process has."""
    return len(list((_PROC / str(pid) / "task").iterdir()))


def description() -> dict[str, str]:
    """Return what a reader of the figures must know about the machine."""
    return {
        "machine": f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION.split(" (")[0].removeprefix("OpenSSL ")
        + (" without IFMA" if os.environ.get(MASK) == NO_IFMA else ""),
        "date": time.strftime("%Y-%m-%d"),
    }


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on; empty when the process is gone."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return []
    # The second field is a name in brackets, and may hold anything.
    return text.rpartition(")")[2].split()

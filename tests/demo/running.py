"""Start and stop `idp demo` as a person does, and read what it printed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

IDP = str(Path(sysconfig.get_path("scripts")) / "idp")
READY = "Countersign is ready."


@dataclass(frozen=True, kw_only=True)
class Demo:
    """A running demo: its process, where it is, and what it printed."""

    process: subprocess.Popen[str]
    provider: str
    expenses: str
    wiki: str
    phone: str
    printed: str
    took: float

    def said(self, pattern: str) -> str:
        """Return what it printed where the pattern has its group."""
        found = re.search(pattern, self.printed, re.MULTILINE)
        assert found
        return found[1].strip()


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


def start(data: Path, ports: list[int]) -> Demo:
    """Start on ports for provider, expenses, wiki and phone; wait until it is ready."""
    names = ("--port", "--expenses-port", "--wiki-port", "--phone-port")
    options = [text for name, port in zip(names, ports, strict=True) for text in (name, str(port))]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("IDP_")}
    began = monotonic()
    process = subprocess.Popen(
        [IDP, "demo", *options],
        cwd=data.parent,
        env=environment | {"IDP_DATA": str(data)},
        stdout=subprocess.PIPE,
        text=True,
    )
    printed = _read_announcement(process)
    provider, expenses, wiki, phone = ports
    return Demo(
        process=process,
        provider=f"http://localhost:{provider}",
        expenses=f"http://127.0.0.1:{expenses}",
        wiki=f"http://127.0.0.1:{wiki}",
        phone=f"http://127.0.0.1:{phone}",
        printed=printed,
        took=monotonic() - began,
    )


def _read_announcement(process: subprocess.Popen[str]) -> str:
    lines: list[str] = []
    for line in process.stdout or ():
        lines.append(line)
        if line.startswith("grace"):
            break
    return "".join(lines)


def stop(demo: Demo, with_signal: signal.Signals) -> int:
    """Tell it to stop and return its exit code."""
    demo.process.send_signal(with_signal)
    try:
        return demo.process.wait(timeout=20)
    finally:
        demo.process.kill()
        if demo.process.stdout:
            demo.process.stdout.close()

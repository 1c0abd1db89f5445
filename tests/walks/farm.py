"""Two nodes on one PostgreSQL and one Redis, behind a real nginx that sends every request to the other."""

from __future__ import annotations

import base64
import signal
import subprocess
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from tests import backends
from tests.demo.running import IDP, free_ports
from tests.peers import require
from tests.walks.server import Installation, Server, clean_environment

_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
events {{}}
http {{
    log_format who '$upstream_addr $request_method $uri';
    access_log {folder}/access.log who;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream countersign {{
{nodes}
    }}
    server {{
        listen 127.0.0.1:{port};
        large_client_header_buffers 4 16k;
        location / {{
            proxy_pass http://countersign;
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_next_upstream error timeout;
        }}
    }}
}}
"""


class Node(Server):
    """One of several, which listens at a port of its own."""

    def __init__(self, folder: Path, base: str, **settings: str) -> None:
        self.port = free_ports(1)[0]
        settings |= {"IDP_BIND": f"127.0.0.1:{self.port}", "IDP_TRUSTED_PROXIES": "127.0.0.1"}
        Installation.__init__(self, folder, base, **settings)
        self._log = folder.with_suffix(".log")
        self._process = None
        self._arguments = ("serve", "--no-worker")


@dataclass
class Balancer:
    """An nginx in front of nodes."""

    folder: Path
    port: int

    def start(self, nodes: list[Node]) -> None:
        """Start it, and wait until it answers."""
        self.folder.mkdir()
        servers = "\n".join(f"        server 127.0.0.1:{node.port} max_fails=0;" for node in nodes)
        config = self.folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=self.folder, port=self.port, nodes=servers))
        command = [require("nginx"), "-p", self.folder, "-c", config, "-e", self.folder / "error.log"]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while not self._answers():
            assert time.monotonic() < end, (self.folder / "error.log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)

    def asked(self) -> list[tuple[str, str]]:
        """Return which node each request went to, and its path."""
        lines = (line.split() for line in (self.folder / "access.log").read_text().splitlines())
        return [(node, path) for node, _method, path in lines]

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


class Farm:
    """Everything of it; database and Redis are its own, and may be killed."""

    def __init__(self, folder: Path) -> None:
        self.postgres, self.redis = backends.Postgres(), backends.RedisServer()
        self.balancer = Balancer(folder / "nginx", free_ports(1)[0])
        self.base = f"http://localhost:{self.balancer.port}"
        shared = {
            "IDP_DATABASE_URL": self.postgres.create("farm"),
            "IDP_STATE_URL": self.redis.url(),
            "IDP_MASTER_KEY": base64.b64encode(b"k" * 32).decode(),
        }
        self.nodes = [Node(folder / name, self.base, **shared) for name in ("one", "two")]
        self._worker: subprocess.Popen[bytes] | None = None

    @property
    def installation(self) -> Installation:
        """Return what commands are run on: any node will do."""
        return self.nodes[0]

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        self.balancer.start(self.nodes)
        first = self.nodes[0]
        self._worker = subprocess.Popen(
            [IDP, "worker"], env=clean_environment() | first.settings, cwd=first.folder.parent
        )

    def stop(self) -> list[int]:
        """Stop everything; return the exit codes of the nodes and of the worker."""
        assert self._worker is not None
        self._worker.terminate()
        codes = [node.stop() for node in self.nodes] + [self._worker.wait(30)]
        self.balancer.stop()
        self.redis.stop()
        self.postgres.stop()
        return codes

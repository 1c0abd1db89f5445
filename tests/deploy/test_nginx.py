"""deploy/nginx.conf, run by nginx: it hands on what it must and nothing that anybody could make up."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.peers import require

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
HOST = "login.example.org"
_PATIENCE = 20.0  # seconds


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, "headers": dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    path, key = folder / "both.pem", folder / "key.pem"
    subprocess.run(
        [
            *(require("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-subj", f"/CN={HOST}", "-keyout", key, "-out", path, "-days", "2"),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + key.read_text())
    return path


@pytest.fixture(scope="module")
def ports(tmp_path_factory, upstream, certificate) -> Iterator[dict[str, int]]:
    """Run nginx with the file as it is, but for ports, certificates and the upstream."""
    nginx, folder = require("nginx"), tmp_path_factory.mktemp("nginx")
    chosen = {"80": free_port(), "443": free_port(), "49443": free_port()}
    text = (DEPLOY / "nginx.conf").read_text()
    text = re.sub(r"(?m)^\s*listen \[::\].*\n", "", text)
    text = re.sub(r"listen (\d+)", lambda found: f"listen 127.0.0.1:{chosen[found[1]]}", text)
    text = re.sub(
        r"(ssl_certificate|ssl_certificate_key|ssl_client_certificate)( +)[^;]+;", rf"\1 {certificate};", text
    )
    text = text.replace("server 127.0.0.1:8000;", f"server 127.0.0.1:{upstream};")
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {temporary(folder)}\n{text}\n}}\n"
    )
    command = [nginx, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for(chosen["443"])
        yield chosen
    finally:
        process.terminate()
        process.wait()


def temporary(folder: Path) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for(port: int) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, "nginx does not start"
            time.sleep(0.05)
        else:
            return


def ask(port: int, certificate: Path, path: str, *, show: bool = False, **headers: str) -> dict:
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    if show:
        context.load_cert_chain(certificate)
    connection = HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
    connection.request("GET", path, headers={"Host": HOST} | headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body
    return json.loads(body)


def test_plain_http_leads_to_https(ports):
    connection = HTTPConnection("127.0.0.1", ports["80"], timeout=10)
    connection.request("GET", "/saml/sso?SAMLRequest=a%2Fb", headers={"Host": HOST})
    answer = connection.getresponse()
    connection.close()
    assert answer.status == 308
    assert answer.getheader("Location") == f"https://{HOST}/saml/sso?SAMLRequest=a%2Fb"


def test_the_query_arrives_octet_for_octet(ports, certificate):
    # What the signature of a SAML request covers.
    path = "/saml/sso?SAMLRequest=a%2fb%2FC+d%20e%3d&RelayState=%7e&SigAlg=%c3%a9&Signature=x%2B"
    assert ask(ports["443"], certificate, path)["path"] == path


def test_a_long_signed_request_fits(ports, certificate):
    path = "/saml/sso?SAMLRequest=" + "a" * 7500
    assert ask(ports["443"], certificate, path)["path"] == path


def test_the_true_address_stands_last(ports, certificate):
    seen = ask(ports["443"], certificate, "/", **{"X-Forwarded-For": "203.0.113.9"})["headers"]
    assert seen["X-Forwarded-For"] == "203.0.113.9, 127.0.0.1"
    assert seen["Host"] == HOST


def test_nobody_can_claim_a_certificate(ports, certificate):
    claimed = {"X-Client-Certificate": "forged"}
    for port in (ports["443"], ports["49443"]):
        seen = ask(port, certificate, "/", **claimed)["headers"]
        assert "forged" not in seen.get("X-Client-Certificate", "")


def test_a_certificate_that_was_shown_is_handed_on(ports, certificate):
    seen = ask(ports["49443"], certificate, "/", show=True)["headers"]
    assert seen["X-Client-Certificate"].startswith("-----BEGIN%20CERTIFICATE-----")

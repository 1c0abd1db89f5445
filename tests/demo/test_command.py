"""`idp demo`, whole: the provider and both applications as they run on a person's machine."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyotp import TOTP

from tests.demo.browser import Browser
from tests.demo.running import IDP, READY, Demo, free_ports, start, stop


@pytest.fixture(scope="module")
def ports() -> list[int]:
    return free_ports(4)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "var"


@pytest.fixture(scope="module")
def demo(data: Path, ports: list[int]) -> Iterator[Demo]:
    running = start(data, ports)
    yield running
    if running.process.poll() is None:
        stop(running, signal.SIGTERM)


def test_it_prints_addresses_and_credentials(demo: Demo, data: Path) -> None:
    assert READY in demo.printed
    for address in (demo.provider, demo.expenses, demo.wiki, demo.phone):
        assert address in demo.printed
    assert str(data / "demo") in demo.printed
    assert re.search(r"^ada +\S{9,} +set up at first sign-in", demo.printed, re.MULTILINE)
    assert re.search(
        r"^bob +\S{9,} +authenticator app with the key ([A-Z2-7]{4} )+", demo.printed, re.MULTILINE
    )
    assert re.search(
        rf"^joan +\S{{9,}} +text messages and calls, at {demo.phone}", demo.printed, re.MULTILINE
    )
    assert re.search(r"^grace +\S{9,} ", demo.printed, re.MULTILINE)


@pytest.mark.parametrize("application", ["expenses", "wiki"])
def test_each_application_hears_a_no(demo: Demo, application: str) -> None:
    # Nobody is signed in, so asking without a page must come back with the protocol's own no.
    base = {"expenses": demo.expenses, "wiki": demo.wiki}[application]
    with Browser() as browser:
        browser.open(f"{base}/")
        assert f"Welcome to {application.title()}" in browser.text
        browser.open(f"{base}/login?ask=silent")
        browser.pass_on()
        assert browser.address.startswith(base)
        assert browser.status == 403
        assert ("NoPassive" if application == "expenses" else "login_required") in browser.text


def test_bob_signs_in_once_for_both_and_signs_out(demo: Demo) -> None:
    with Browser() as browser:
        browser.open(f"{demo.expenses}/login")
        assert browser.address.startswith(demo.provider)
        assert "Expenses" in browser.text
        browser.submit(username="bob", password=demo.said(r"^bob +(\S+)"))
        browser.submit(code=TOTP(demo.said("key (.+)").replace(" ", "")).now())
        browser.pass_on()
        assert browser.address == f"{demo.expenses}/"
        for shown in ("Hello, Bob Noyce", "AuthnContext", "Session index", "bob@example.org"):
            assert shown in browser.text
        # The same session, the other protocol, and no question.
        browser.open(f"{demo.wiki}/login")
        assert browser.address == f"{demo.wiki}/"
        for shown in ("Hello, Bob Noyce", "<dt>acr</dt>", "pwd, otp", "<dt>auth_time</dt>", "<dt>sid</dt>"):
            assert shown in browser.text
        browser.open(f"{demo.expenses}/")
        browser.submit()
        assert browser.address == f"{demo.expenses}/"
        assert "You are signed out" in browser.text
        browser.open(f"{demo.wiki}/login?ask=silent")
        assert "login_required" in browser.text


def test_a_port_in_use_is_said(demo: Demo, data: Path, ports: list[int]) -> None:
    command = [IDP, "demo", "--port", str(ports[0])]
    done = subprocess.run(command, cwd=data.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"already listens on port {ports[0]}" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_stops_everything_and_a_new_start_remembers(demo: Demo, data: Path, ports: list[int]) -> None:
    assert stop(demo, signal.SIGINT) == 0
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
    again = start(data, ports)
    assert stop(again, signal.SIGTERM) == 0
    assert again.printed == demo.printed
    # About five seconds on an idle machine; this only notices a start that does everything again.
    assert again.took < 30


def test_its_memory_is_private(demo: Demo, data: Path) -> None:
    for name in ("demo.json", "expenses.key", "provider.log", "wiki.log", "phone.log"):
        assert (data / "demo" / name).stat().st_mode & 0o777 == 0o600
    assert data.stat().st_mode & 0o777 == 0o700


def test_four_different_ports_are_needed(tmp_path: Path) -> None:
    port = str(free_ports(1)[0])
    command = [IDP, "demo", "--port", port, "--wiki-port", port]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (1, "The four ports must differ.")

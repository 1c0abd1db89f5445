"""The test run itself: the network is off except this machine."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import settings
from pytest_socket import SocketConnectBlockedError


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_other_machines_are_out_of_reach(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # The plug-in warns before it raises, and warnings are errors.
    blocked = (SocketConnectBlockedError, UserWarning)
    with socket.socket(family) as connection, pytest.raises(blocked, match=r"use socket\.socket\.connect"):
        connection.connect((address, 80))


def test_this_machine_is_reachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, port), timeout=5).close()


def test_hypothesis_repeats_itself_unless_asked_for_a_long_run() -> None:
    assert settings().derandomize is not bool(os.environ.get("COUNTERSIGN_LONG"))

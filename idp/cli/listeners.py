"""Close the listening sockets without resetting anybody who already came.

The kernel finishes handshakes by itself, and resets those that no worker accepted when the socket is
closed. A balancer can't know then whether its request was read, and repeats no form elsewhere: one
sign-in would fail. Whoever is refused is sent to another node.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from array import array
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

_SO_ATTACH_FILTER = 26  # Linux, <asm-generic/socket.h>
# A classic BPF program, which sees a packet from its TCP header on: code, jump if so, if not, operand.
_NO_SYN = (
    (0x30, 0, 0, 13),  # load the byte of flags
    (0x45, 0, 1, 0x02),  # SYN set?
    (0x06, 0, 0, 0),  # so: drop it; the caller tries again after a second, and is refused
    (0x06, 0, 0, 0xFFFFFFFF),  # if not: let it pass
)
# For handshakes that have begun to end, and for workers to accept what waits.
_PAUSE = 0.5  # seconds


class Listener(Protocol):
    """A listening socket of the server."""

    sock: socket.socket


def shut(listeners: Sequence[Listener]) -> None:
    """Let no connection begin, and wait until those begun before are accepted.

    Does nothing where the system can't; whoever comes in the moment of closing is reset then.
    """
    if sys.platform != "linux" or not listeners:
        return
    code = array("B", b"".join(struct.pack("HBBI", *step) for step in _NO_SYN))
    program = struct.pack("HP", len(_NO_SYN), code.buffer_info()[0])
    with suppress(OSError):
        for listener in listeners:
            listener.sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        time.sleep(_PAUSE)

"""Connect to an address that was checked, under one deadline for everything."""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from idp.net.reach import Place

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class Deadline:
    """When a request must be over, whatever rhythm the other side sends in."""

    def __init__(self, seconds: float) -> None:
        self._at = monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left, more than none. Raises TimeoutError."""
        left = self._at - monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Line:
    """A socket as `http.client` uses one; a timeout for each read would let a slow sender go on for ever.

    Whoever opened the socket closes it.
    """

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the stream of what arrives."""
        return io.BufferedReader(_Arriving(self._socket, self._deadline))

    def sendall(self, data: ReadableBuffer) -> None:
        """Send all of it."""
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(self._deadline.left())
            rest = rest[self._socket.send(rest) :]

    def close(self) -> None:
        """Leave the socket open: the answer may still be read from it."""


class _Arriving(io.RawIOBase):
    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv_into(buffer)


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses that a host name stands for. Raises OSError.

    The system's resolver has a time limit of its own (resolv.conf), which is not ours to set.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))


def connect(
    place: Place, addresses: Sequence[str], deadline: Deadline, context: ssl.SSLContext
) -> socket.socket:
    """Return a connection to the first of the addresses that takes one; to no other, whatever DNS says now.

    Over TLS the host name of the place is what the certificate must be for. Raises OSError.
    """
    plain = _open(addresses, place.port, deadline)
    if not place.secure:
        return plain
    try:
        plain.settimeout(deadline.left())
        return context.wrap_socket(plain, server_hostname=place.host)
    except OSError:
        plain.close()
        raise


def _open(addresses: Sequence[str], port: int, deadline: Deadline) -> socket.socket:
    problem = OSError("no address")
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=deadline.left())
        except OSError as error:
            problem = error
    raise problem

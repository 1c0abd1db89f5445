"""Drive one baresip for one call: dial, play, hear keys, hang up; over its control connection (ctrl_tcp)."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_MODULES = ("/usr/lib/baresip/modules", "/usr/lib64/baresip/modules", "/usr/local/lib/baresip/modules")
_PATIENCE = 10.0  # seconds for a start
_CONFIG = """sip_listen {interface}:0
net_interface {interface}
audio_player aufile,{folder}/heard.wav
audio_source aufile,{silence}
audio_alert aufile,{silence}
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports {ports}
module_path {modules}
module g711.so
module aufile.so
module uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
call_max_calls 1
"""


class NoPhone(Exception):
    """baresip does not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """The telephone system. address has {number} in the place of the number (sip:{number}@pbx.example).

    caller is our own SIP address there; user and password log in, where that is needed. interface is our
    own network address, ports the range for sound.
    """

    address: str
    caller: str
    user: str = ""
    password: str = field(default="", repr=False)
    interface: str = "127.0.0.1"
    ports: str = "20000-29998"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that baresip says: CALL_ESTABLISHED, CALL_DTMF_START (param: the key), CALL_CLOSED (why)."""

    type: str
    param: str


class Baresip:
    """A running baresip with one account; leaving the block ends it."""

    def __init__(self, trunk: Trunk, folder: Path, silence: Path) -> None:
        self._trunk = trunk
        self._folder = folder
        self._silence = silence
        self._unread = b""
        self._call = ""

    def __enter__(self) -> Self:
        program = shutil.which("baresip")
        modules = next((path for path in _MODULES if Path(path).is_dir()), "")
        if program is None or not modules:
            raise NoPhone("baresip is not installed")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            control = free.getsockname()[1]
        trunk = self._trunk
        config = _CONFIG.format(
            interface=trunk.interface,
            folder=self._folder,
            silence=self._silence,
            ports=trunk.ports,
            modules=modules,
            control=control,
        )
        login = f";auth_user={trunk.user};auth_pass={trunk.password}" if trunk.user else ""
        (self._folder / "config").write_text(config)
        (self._folder / "contacts").touch()
        accounts = self._folder / "accounts"
        accounts.touch(mode=0o600)
        accounts.write_text(f"<{trunk.caller}>;regint=0{login}\n")
        self._process = subprocess.Popen(
            [program, "-f", self._folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._control = self._connected(control)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self, "_control"):
            self._control.close()
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _connected(self, port: int) -> socket.socket:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
            except OSError:
                time.sleep(0.05)
        self.__exit__(None, None, None)
        raise NoPhone("baresip did not start")

    # What it is told --------------------------------------------------------------------------
    def dial(self, number: str) -> None:
        """Call a number."""
        self._tell("dial", self._trunk.address.replace("{number}", number))

    def play(self, sound: Path) -> None:
        """Play a file into the call, in place of what was played until now."""
        self._tell("ausrc", f"aufile,{sound}")

    def press(self, key: str) -> None:
        """Press a key (an extension's digits)."""
        self._tell("sndcode", key)

    def hang_up(self) -> None:
        """End the call."""
        self._tell("hangup")

    def _tell(self, command: str, parameters: str = "") -> None:
        told = json.dumps({"command": command, "params": parameters}).encode()
        self._control.sendall(str(len(told)).encode() + b":" + told + b",")

    def stop(self) -> None:
        """End the process, and the call with it."""
        self._process.terminate()

    # What it says -----------------------------------------------------------------------------
    def event(self, *, within: float) -> Event | None:
        """Return the next event, None when there is none for so many seconds. Raises NoPhone."""
        end = time.monotonic() + within
        while True:
            for said in self._messages():
                if said.get("event") and self._is_ours(said):
                    return Event(str(said.get("type", "")), str(said.get("param", "")))
            left = end - time.monotonic()
            if left <= 0:
                return None
            self._control.settimeout(left)
            try:
                more = self._control.recv(65536)
            except TimeoutError:
                return None
            except OSError as error:
                raise NoPhone("baresip went away") from error
            if not more:
                raise NoPhone("baresip went away")
            self._unread += more

    def _is_ours(self, said: dict[str, object]) -> bool:
        """Say whether an event is of the call that we made: others may call our port."""
        call = str(said.get("id", ""))
        if not self._call and said.get("direction") == "outgoing":
            self._call = call
        return call == self._call != ""

    def _messages(self) -> Iterator[dict[str, object]]:
        """Yield what has come whole: netstrings (length, colon, JSON, comma)."""
        while b":" in self._unread:
            length, _, rest = self._unread.partition(b":")
            size = int(length)
            if len(rest) <= size:
                return
            self._unread = rest[size + 1 :]
            said = json.loads(rest[:size])
            if isinstance(said, dict):
                yield said

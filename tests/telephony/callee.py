"""A telephone on this machine: a second baresip that picks up, keeps what it hears, and presses keys."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import wave
from array import array
from pathlib import Path
from typing import Any

from tests.demo.running import free_ports
from tests.peers import require

NUMBER = "+14255550123"
_CONFIG = """sip_listen 127.0.0.1:{sip}
net_interface 127.0.0.1
audio_source aufile,{folder}/silence.wav
audio_player aufile,{folder}/unused.wav
audio_alert aufile,{folder}/silence.wav
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
snd_path {folder}
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module sndfile.so
module uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""


class Callee:
    """Picks up by itself, unless it is to be busy."""

    def __init__(self, folder: Path, *, picks_up: bool = True) -> None:
        self.sip, self._control = free_ports(2)
        self.folder = folder
        folder.mkdir()
        silence = folder / "silence.wav"
        made = [require("sox"), "-n", "-r", "8000", "-c", "1", "-b", "16", silence, "trim", "0", "300"]
        subprocess.run(made, check=True)
        (folder / "config").write_text(_CONFIG.format(sip=self.sip, control=self._control, folder=folder))
        mode = "auto" if picks_up else "manual"
        (folder / "accounts").write_text(f"<sip:{NUMBER}@127.0.0.1:{self.sip}>;regint=0;answermode={mode}\n")
        (folder / "contacts").touch()
        self._process = subprocess.Popen(
            [require("baresip"), "-f", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._line = self._connected()
        self.events: list[str] = []

    def stop(self) -> None:
        self._line.close()
        self._process.terminate()
        self._process.wait(10)

    def tell(self, command: str, parameters: str = "") -> None:
        told = json.dumps({"command": command, "params": parameters}).encode()
        self._line.sendall(str(len(told)).encode() + b":" + told + b",")

    def wait_for(self, event: str, *, seconds: float = 30) -> None:
        """Wait until the phone says this."""
        end, unread = time.monotonic() + seconds, b""
        while event not in self.events:
            assert time.monotonic() < end, (event, self.events)
            try:
                unread += self._line.recv(65536)
            except TimeoutError:
                continue
            while b":" in unread:
                length, _, rest = unread.partition(b":")
                if len(rest) <= int(length):
                    break
                said: dict[str, Any] = json.loads(rest[: int(length)])
                unread = rest[int(length) + 1 :]
                self.events.append(str(said.get("type", "")))

    def loudness(self) -> float:
        """Return how loud what was heard is: the root of the mean square, 1 for the loudest there is."""
        (heard,) = self.folder.glob("dump-*-dec.wav")
        with wave.open(str(heard)) as sound:
            samples = array("h", sound.readframes(sound.getnframes()))
        return float((sum(one * one for one in samples) / max(1, len(samples))) ** 0.5 / 32768)

    def _connected(self) -> socket.socket:
        end = time.monotonic() + 20
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self._control), timeout=0.5)
            except OSError:
                assert time.monotonic() < end, "baresip did not start"
                time.sleep(0.1)

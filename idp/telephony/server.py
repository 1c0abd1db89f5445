"""Take calls to be made at the one address of Twilio's interface that Countersign asks, and make them."""

from __future__ import annotations

import hmac
import json
import logging
import shutil
import tempfile
import threading
import time
import wave
from base64 import b64decode
from contextlib import suppress
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from idp.telephony.baresip import Baresip, NoPhone, Trunk
from idp.telephony.conversation import Order, converse, tell_end
from idp.telephony.speech import NoSpeech, Speaker

ACCOUNT = "AC" + "0" * 32
_PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json"
_LARGEST = 16 * 1024
_MOST_CALLS = 20
_LONGEST_RINGS = 60
_PARTING = 5.0  # seconds for calls that are ended with the program
_log = logging.getLogger(__name__)


class SipGateway:
    """Makes calls over a trunk for a provider, whose addresses alone are asked."""

    def __init__(self, *, trunk: Trunk, provider: str, token: str, port: int) -> None:
        self._trunk = trunk
        self._provider = provider.rstrip("/") + "/"
        self._token = token
        self._room = threading.BoundedSemaphore(_MOST_CALLS)
        self._folder = Path(tempfile.mkdtemp(prefix="countersign-sip-"))
        self._calls: dict[str, Baresip] = {}
        handler = type("Handler", (_Handler,), {"gateway": self})
        # On this machine only: who reaches it makes calls.
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.port: int = self._server.server_port

    def serve(self) -> None:
        """Serve until `close`."""
        self._server.serve_forever()

    def close(self) -> None:
        """Stop serving, and remove what was made for calls."""
        self._server.shutdown()
        self._server.server_close()
        # Else lines would stay open, with nobody to end them.
        end = time.monotonic() + _PARTING
        for phone in list(self._calls.values()):
            phone.stop()
        while self._calls and time.monotonic() < end:
            time.sleep(0.05)
        shutil.rmtree(self._folder, ignore_errors=True)

    def allows(self, authorization: str) -> bool:
        """Say whether a request may make calls (RFC 7617): the account and its token."""
        kind, _, encoded = authorization.partition(" ")
        try:
            user, _, password = b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return False
        right = hmac.compare_digest(password.encode(), self._token.encode())
        return kind == "Basic" and user == ACCOUNT and right

    def take(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        """Begin a call; return status and answer as Twilio has them."""
        talk, ended, number = form.get("Url", ""), form.get("StatusCallback", ""), form.get("To", "")
        digits = form.get("SendDigits", "")
        if not (talk.startswith(self._provider) and ended.startswith(self._provider)):
            return 400, {"code": 21205, "message": "Url is not of the provider"}
        if not (number.startswith("+") and number[1:].isdigit() and number.isascii() and len(number) < 17):
            return 400, {"code": 21211, "message": "To is not a number"}
        if not set(digits) <= set("w0123456789") or len(digits) > 32:
            return 400, {"code": 21219, "message": "SendDigits"}
        order = Order(
            sid="CA" + uuid4().hex,
            number=number,
            digits=digits,
            rings=min(int(form.get("Timeout", "30")), _LONGEST_RINGS),
            talk=talk,
            ended=ended,
            token=self._token,
        )
        if not self._room.acquire(blocking=False):
            return 429, {"code": 20429, "message": "Too many calls"}
        threading.Thread(target=self._make, args=(order,), daemon=True).start()
        return 201, {"sid": order.sid, "status": "queued"}

    def _make(self, order: Order) -> None:
        folder, status = self._folder / order.sid, "failed"
        try:
            folder.mkdir(mode=0o700)
            speaker = Speaker(folder)
            silence, _ = speaker.say(())
            with Baresip(self._trunk, folder, silence) as phone:
                self._calls[order.sid] = phone
                status = converse(order, phone, speaker)
        except (NoPhone, NoSpeech, OSError, ValueError, EOFError, HTTPException, wave.Error) as error:
            _log.warning("a call failed: %s", type(error).__name__)
        finally:
            self._calls.pop(order.sid, None)
            self._room.release()
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(NoSpeech):
                tell_end(order, status)


class _Handler(BaseHTTPRequestHandler):
    gateway: SipGateway
    timeout = 10

    def do_POST(self) -> None:
        """Take a call."""
        size = int(self.headers.get("Content-Length", "0") or 0)
        if self.path != _PATH or not 0 < size <= _LARGEST:
            self._answer(404, {"code": 20404})
            return
        body = self.rfile.read(size)
        if not self.gateway.allows(self.headers.get("Authorization", "")):
            self._answer(401, {"code": 20003})
            return
        try:
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            status, said = self.gateway.take(form)
        except ValueError:
            status, said = 400, {"code": 20001}
        self._answer(status, said)

    def _answer(self, status: int, said: dict[str, object]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_arguments: Any) -> None:  # noqa: A002 (the library's name)
        """Say nothing: addresses have secrets in them."""

"""Run gunicorn inside our own process: settings from ours, nothing from its own files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from idp.cli.background import Background
from idp.cli.listeners import shut
from idp.settings import Settings

_LONGEST_REQUEST_LINE = 8190  # bytes: signed SAML requests come in the address


class Server(BaseApplication):
    """The web application in worker processes, and the background child beside them, if any.

    make is called in each worker, after the fork: connections and keys are its own. ready is
    called once connections are accepted.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        make: Callable[[Settings], Flask],
        background: Background | None,
        ready: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._make = make
        self._background = background
        self._ready = ready
        super().__init__(prog="idp serve")

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        chosen: dict[str, Any] = {
            "bind": self._settings.listen,
            "workers": self._settings.workers,
            "threads": self._settings.threads,
            "worker_class": "gthread",
            "proc_name": "countersign",
            "loglevel": "warning",
            "limit_request_line": _LONGEST_REQUEST_LINE,
            # Forwarded headers are read by our own code, from configured proxies only.
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "control_socket_disable": True,
            "when_ready": lambda _arbiter: self._ready(),
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Build the application in a worker."""
        return self._make(self._settings)

    def run(self) -> None:
        """Serve until told to stop; ends the process with the exit code."""
        _Arbiter(self, self._background).run()


class _Arbiter(Arbiter):
    """Gunicorn's master, which also keeps the background child."""

    def __init__(self, server: Server, background: Background | None) -> None:
        self._background = background
        super().__init__(server)

    def manage_workers(self) -> None:
        """Start what is missing; gunicorn calls this about once a second."""
        super().manage_workers()
        if self._background is not None:
            self._background.keep(self.LISTENERS)

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """Stop everything and end the process."""
        if self._background is not None:
            self._background.stop()
        # Under systemd, and when replaced in place (SIGUSR2), others go on with these sockets.
        if not (self.systemd or self.reexec_pid or self.master_pid):
            shut(self.LISTENERS)
        super().halt(reason=reason, exit_status=exit_status)

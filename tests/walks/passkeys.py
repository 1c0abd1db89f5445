"""Chromium's virtual authenticator, and a browser that fills nothing in by itself."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import CDPSession

from tests.walks.window import Window


class Authenticator:
    """A virtual authenticator of one window (WebAuthn 3, 11.3)."""

    def __init__(self, window: Window, **options: Any) -> None:
        self._session: CDPSession = window.tab.context.new_cdp_session(window.tab)
        self._session.send("WebAuthn.enable", {"enableUI": False})
        made = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
            **options,
        }
        sent = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": made})
        self._id = {"authenticatorId": sent["authenticatorId"]}

    def credentials(self) -> list[dict[str, Any]]:
        """Return what it keeps, private keys and all."""
        kept: list[dict[str, Any]] = self._session.send("WebAuthn.getCredentials", self._id)["credentials"]
        return kept

    def put(self, credential: dict[str, Any]) -> None:
        """Put a credential in."""
        self._session.send("WebAuthn.addCredential", {**self._id, "credential": credential})

    def set(self, verb: str, **more: Any) -> None:
        """Change how it behaves."""
        self._session.send(f"WebAuthn.{verb}", {**self._id, **more})

    def remove(self) -> None:
        """Take it away."""
        self._session.send("WebAuthn.removeVirtualAuthenticator", self._id)


def without_autofill(window: Window) -> None:
    """Take from the browser what fills in user names, so that nothing happens by itself."""
    window.tab.add_init_script("delete PublicKeyCredential.isConditionalMediationAvailable")

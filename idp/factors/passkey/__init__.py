"""Passkeys and security keys (WebAuthn): a second factor, and by themselves a whole sign-in."""

from idp.factors.passkey.factor import Passkey
from idp.factors.passkey.settings import PasskeySettings, PasskeySettingsStore

__all__ = ["Passkey", "PasskeySettings", "PasskeySettingsStore"]

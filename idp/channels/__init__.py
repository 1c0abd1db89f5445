"""Channels: text messages and mail, put into the outbox by rooms and handed to carriers by the worker."""

from idp.channels.mail import Mail
from idp.channels.texts import Texts

__all__ = ["Mail", "Texts"]

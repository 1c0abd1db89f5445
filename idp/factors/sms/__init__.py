"""Prove possession of a phone by a code in a text message."""

from idp.factors.sms.factor import Sms, handed_out

__all__ = ["Sms", "handed_out"]

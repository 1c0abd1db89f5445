"""Prove possession of a phone by a code in a text message."""

from idp.factors.sms.factor import Sms, handed_out
from idp.factors.sms.words import CODE, SERVICE, Wording, WordingStore

__all__ = ["CODE", "SERVICE", "Sms", "Wording", "WordingStore", "handed_out"]

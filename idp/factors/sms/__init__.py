"""Prove possession of a phone by a code in a text message."""

from idp.factors.sms.allowance import Allowance, TextLimits, TextLimitsStore
from idp.factors.sms.factor import Sms, handed_out

__all__ = ["Allowance", "Sms", "TextLimits", "TextLimitsStore", "handed_out"]

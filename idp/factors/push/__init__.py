"""The phone app: approve a sign-in by typing the number that its page shows, or type the app's code."""

from idp.factors.push.factor import Push
from idp.factors.push.phones import Phones

__all__ = ["Phones", "Push"]

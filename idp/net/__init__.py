"""The one HTTP client for addresses that others chose: it goes where it may, and no further."""

from idp.net.client import Answer, Bounds, HttpClient
from idp.net.reach import Blocked, Reach, Unanswered, Unreached

__all__ = ["Answer", "Blocked", "Bounds", "HttpClient", "Reach", "Unanswered", "Unreached"]

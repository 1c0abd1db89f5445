"""The portal, seen from the same browsers as the console."""

from tests.admin.conftest import console

__all__ = ["console"]

"""Say who may do what at the desk."""

from __future__ import annotations

from idp.core.errors import Refused
from idp.core.model import Actor, Role

# Whoever can run our command line on this machine can also write to the database.
_TRUSTED = frozenset({"cli", "system"})


class NotAllowed(Refused):
    """The actor has not the right to do this."""

    status = 403


def need_owner(actor: Actor) -> None:
    """Let owners and the command line pass. Raises NotAllowed."""
    if actor.kind in _TRUSTED or (actor.kind == "person" and Role.OWNER in actor.roles):
        return
    raise NotAllowed("You do not have the right to do this.", detail=f"{actor.kind}:{actor.id}")

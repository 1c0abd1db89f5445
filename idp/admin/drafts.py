"""Applications about to be added: what was fetched or uploaded, kept so that it is picked once."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from datetime import timedelta

from idp.core import codec
from idp.core.errors import Refused
from idp.core.ids import new_id
from idp.core.ports import State
from idp.desk.watching import Published

_LASTS = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Metadata that nobody trusts yet. address is "" for an uploaded file; content is base64."""

    id: str
    person: str
    content: str
    address: str = ""
    etag: str = ""
    modified: str = ""
    signer: str = ""
    entity_id: str = ""

    @property
    def data(self) -> bytes:
        """Return the document."""
        return b64decode(self.content)

    @property
    def published(self) -> Published:
        """Return the document as it was found at its address."""
        return Published(data=self.data, etag=self.etag, modified=self.modified)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """Drafts by id; each belongs to the person who began it."""

    state: State

    def keep(
        self, published: Published, *, person: str, address: str = "", signer: str = "", entity_id: str = ""
    ) -> Draft:
        """Keep a document for an hour."""
        draft = Draft(
            id=new_id(),
            person=person,
            content=b64encode(published.data).decode(),
            address=address,
            etag=published.etag,
            modified=published.modified,
            signer=signer,
            entity_id=entity_id,
        )
        self.state.put(_key(draft.id), codec.dump(draft), _LASTS)
        return draft

    def load(self, draft_id: str, *, person: str) -> Draft:
        """Return a draft. Raises Gone when it is somebody else's, saved already, or too old."""
        held = self.state.get(_key(draft_id))
        draft = codec.load(Draft, held.value) if held else None
        if draft is None or draft.person != person:
            raise Gone("This was saved already, or it is too old. Add the application again.")
        return draft

    def choose(self, draft: Draft, entity_id: str) -> Draft:
        """Return the draft with one application of many chosen."""
        chosen = replace(draft, entity_id=entity_id)
        self.state.put(_key(draft.id), codec.dump(chosen), _LASTS)
        return chosen

    def drop(self, draft: Draft) -> None:
        """Forget a draft."""
        self.state.pop(_key(draft.id))


class Gone(Refused):
    """There is no such draft any more."""

    status = 410


def _key(draft_id: str) -> str:
    return "metadata-draft:" + draft_id[:64]

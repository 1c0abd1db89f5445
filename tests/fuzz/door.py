"""What a front door is to the search, and requests to one as forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from hypothesis import strategies as st

from tests.fuzz.edits import BYTES, PAIRS, Edit, Pair, apply, joined
from tests.fuzz.knowledge import Knowledge
from tests.fuzz.wire import ENVELOPE, FORM, Sent, changed

OUTSIDE = {"envelope": ENVELOPE, "query": BYTES, "body": BYTES}
OUR_PAGE = {"Origin": "https://id.example", "Sec-Fetch-Site": "same-origin", "Content-Type": FORM}
_ELSEWHERE = {"Origin": "https://plain.example", "Sec-Fetch-Site": "cross-site", "Content-Type": FORM}


@dataclass(frozen=True, kw_only=True)
class Door:
    """How requests to one door are drawn, and how one is made of what was drawn.

    followed: the page that an answer leads to is asked for as well.
    """

    drawn: st.SearchStrategy[Any]
    made: Callable[[Any, Knowledge], Sent]
    followed: bool = False


def of(*layers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return examples with a value of each strategy."""
    return st.tuples(*layers)


def pairs_of(fields: Mapping[str, str]) -> list[Pair]:
    """Return a form's fields, escaped."""
    return [(name, quote_plus(value)) for name, value in fields.items()]


def form(
    path: str,
    fields: Mapping[str, str],
    chosen: Sequence[Edit],
    *,
    cookies: str = "",
    post: bool,
    **headers: str,
) -> Sent:
    """Return the fields, changed, as a form by GET or POST."""
    data = joined(apply(PAIRS, pairs_of(fields), chosen, "pairs"))
    sent = Sent(
        method="POST" if post else "GET",
        path=path,
        query=b"" if post else data,
        body=data if post else b"",
        headers={"Host": "id.example", "Cookie": cookies, **(_ELSEWHERE if post else {}), **headers},
    )
    return changed(sent, chosen)

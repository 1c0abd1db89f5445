"""Sealing: nothing opens that was changed, moved, or sealed with another key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.errors import Refused
from idp.keys import MasterKey, Sealer

SEALER = Sealer(MasterKey(b"k" * 32))
SEALED = SEALER.seal(b"secret", purpose="method", context="id-1")


@given(data=st.binary(max_size=300), purpose=st.text(max_size=20), context=st.text(max_size=40))
def test_what_was_sealed_opens(data, purpose, context):
    sealed = SEALER.seal(data, purpose=purpose, context=context)
    assert SEALER.open(sealed, purpose=purpose, context=context) == data
    assert Sealer(MasterKey(b"k" * 32)).open(sealed, purpose=purpose, context=context) == data


def test_the_same_secret_never_looks_the_same():
    assert SEALER.seal(b"secret", purpose="method", context="id-1") != SEALED
    assert b"secret" not in SEALED


@pytest.mark.parametrize(
    ("purpose", "context"),
    [("method", "id-2"), ("outbox", "id-1"), ("method:", "id-1"), ("metho", "d:id-1"), ("", "method:id-1")],
)
def test_it_opens_only_for_its_purpose_and_context(purpose, context):
    with pytest.raises(Refused):
        SEALER.open(SEALED, purpose=purpose, context=context)


def test_it_opens_only_under_its_master_key():
    with pytest.raises(Refused):
        Sealer(MasterKey(b"x" * 32)).open(SEALED, purpose="method", context="id-1")


@pytest.mark.parametrize("at", range(len(SEALED)))
def test_a_changed_byte_is_noticed(at):
    changed = bytearray(SEALED)
    changed[at] ^= 1
    with pytest.raises(Refused):
        SEALER.open(bytes(changed), purpose="method", context="id-1")


@given(st.binary(max_size=80))
def test_other_bytes_are_refused(data):
    with pytest.raises(Refused) as refused:
        SEALER.open(data, purpose="method", context="id-1")
    assert "id-1" not in refused.value.public


@pytest.mark.parametrize("length", range(len(SEALED)))
def test_a_cut_value_is_refused(length):
    with pytest.raises(Refused):
        SEALER.open(SEALED[:length], purpose="method", context="id-1")


def test_a_tag_is_the_same_for_the_same_data_purpose_and_key_only() -> None:
    sealer = Sealer(MasterKey(b"k" * 32))
    tag = sealer.tag(b"+14255550167", purpose="numbers")
    assert tag == sealer.tag(b"+14255550167", purpose="numbers")
    others = {
        sealer.tag(b"+14255550168", purpose="numbers"),
        sealer.tag(b"+14255550167", purpose="others"),
        Sealer(MasterKey(b"l" * 32)).tag(b"+14255550167", purpose="numbers"),
    }
    assert len(others | {tag}) == 4
    assert len(tag) == 64

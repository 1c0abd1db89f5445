"""The factors that are to come, in the table while the policy's tests run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from idp.policy.model import FACTORS
from tests.policy.cases import COMING


@pytest.fixture(scope="package", autouse=True)
def coming_factors() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, worth in COMING.items():
            patch.setitem(FACTORS, name, worth)
        yield

"""Tests of the state room."""

import pytest

pytest.register_assert_rewrite("tests.state.conformance")

"""Fixtures for tests of instrumented programs. pytest finds them by itself.

This is a package of its own because pytest imports it in every run: a run that uses no fixture of
it does not even load Spanloom.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from spanloom.testing import CapturedCalls


@pytest.fixture
def captured_calls() -> Iterator["CapturedCalls"]:
    """The calls that the test makes, instead of sending them anywhere."""
    from spanloom import testing

    with testing.captured_calls() as calls:
        yield calls


@pytest.fixture
def deterministic_calls() -> Iterator["CapturedCalls"]:
    """The same, with ids that count up and a clock that ticks a millisecond at each look."""
    from spanloom import testing

    with testing.deterministic(), testing.captured_calls() as calls:
        yield calls

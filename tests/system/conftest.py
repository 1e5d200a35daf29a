"""One system for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from local_system import LocalSystem, a_system


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSystem]:
    """One system for the tests of a module."""
    with a_system(tmp_path_factory.mktemp("system") / "data") as running:
        yield running

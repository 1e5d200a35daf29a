"""For every test: the table of contracts, and skips that are failures in CI."""

from __future__ import annotations

pytest_plugins = ["contract_table", "no_skips"]

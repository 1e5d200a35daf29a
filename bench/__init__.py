"""Measurements: one file a claim, each with its peer in the same run. `python -m bench` runs them all."""

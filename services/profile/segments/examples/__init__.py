"""Definitions to begin with."""

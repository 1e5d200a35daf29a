"""The `nungil` command."""

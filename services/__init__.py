"""The services. Each is its own process; they meet only in `nungil.api` and in the event log."""

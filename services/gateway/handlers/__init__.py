"""What the gateway does for a request, beyond translating it."""

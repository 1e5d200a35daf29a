"""Gateway: the public HTTP API under /v1, and the page.

Reads: ingest, embed, search and profile by gRPC; media.changed, media.embedded and
watch.matched as tails, for what is told as it happens.
Writes: user.activity; API keys and idempotency records in its own database. It holds no picture and no person.
"""

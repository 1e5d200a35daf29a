"""How ingest's database came to be."""

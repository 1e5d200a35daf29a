"""The steps that build the schema of search."""

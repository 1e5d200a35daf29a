"""The steps that build profile's database."""

"""Pure functions on pictures and on what was found in them. Nothing here connects to anything."""

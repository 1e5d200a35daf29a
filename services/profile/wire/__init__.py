"""Between messages and what profile works with."""

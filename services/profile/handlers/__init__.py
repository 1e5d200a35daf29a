"""What profile does, one use a class."""

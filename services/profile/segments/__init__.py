"""Segments, pure: what a definition may ask for, whom it holds for and until when, and why."""

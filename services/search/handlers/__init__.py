"""What search does: answer a crop, keep its copy of items, remember deletions."""

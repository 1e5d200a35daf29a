"""Its steps, in order."""

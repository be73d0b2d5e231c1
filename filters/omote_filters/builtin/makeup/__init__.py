"""Paint on the skin."""

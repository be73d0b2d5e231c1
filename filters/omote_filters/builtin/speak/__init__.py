"""Draws nothing; tells the host app."""

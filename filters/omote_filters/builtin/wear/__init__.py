"""Worn on the head, or grown there."""

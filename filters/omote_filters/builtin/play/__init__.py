"""Plays along: particles, games, other faces."""

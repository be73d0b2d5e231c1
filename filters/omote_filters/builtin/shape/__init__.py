"""Bends the face."""

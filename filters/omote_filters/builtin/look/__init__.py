"""Styles of a picture."""

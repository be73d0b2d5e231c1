"""Hides who somebody is."""

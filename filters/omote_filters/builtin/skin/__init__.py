"""Skin, eyes and teeth as they might be."""

"""Data sets of faces: built, labelled and checked, with their licence and consent on record."""

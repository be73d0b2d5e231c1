"""Packs: filters written as data. Layers of filters, switched and tuned per face by rules."""

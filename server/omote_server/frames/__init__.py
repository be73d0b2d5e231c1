"""The life of a frame, and where it is lived."""

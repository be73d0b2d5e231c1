"""One stream, from `open` to `finish`."""

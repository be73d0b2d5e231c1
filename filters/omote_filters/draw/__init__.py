"""Drawing tools. Each works on a crop of the picture, not on the frame."""

"""The ruler: the server beside the bare loop and the naive loop, in one run."""

"""Training an estimator of one's own; needs the extra `train` (PyTorch)."""

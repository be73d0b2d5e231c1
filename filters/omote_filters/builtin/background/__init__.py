"""What is behind people."""

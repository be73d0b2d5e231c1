"""What `omote doctor` looks at. Each check is imported when its turn comes, and may break."""

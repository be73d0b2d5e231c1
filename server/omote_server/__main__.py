"""`python -m omote_server` is `omote`."""

from omote_server.main import main

main()

"""Generated messages to ours and back, by direction. Only this room and the shells know both."""

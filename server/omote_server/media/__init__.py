"""Videos and animations in and out, whatever a phone or a camera makes."""

"""Video files in and out, whatever a phone or a camera makes."""

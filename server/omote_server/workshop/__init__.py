"""What authors of filters use: footage, rehearsals, previews, trials."""

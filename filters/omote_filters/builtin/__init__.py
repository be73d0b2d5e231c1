"""The filters that come with Omote, found through the same entry points as any other."""

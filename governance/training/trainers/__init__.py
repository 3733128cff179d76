"""Trainers that come with the package; a user's own is any function of the same shape."""

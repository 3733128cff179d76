"""What follows: files and messages derived from history, which can be rebuilt from it."""

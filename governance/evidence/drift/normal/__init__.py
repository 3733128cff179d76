"""What is normal for a version, how far a window is from it, and how often that misleads."""

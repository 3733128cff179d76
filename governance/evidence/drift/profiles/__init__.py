"""What is counted: edges, profiles of hours and days, and what a version is watched against."""

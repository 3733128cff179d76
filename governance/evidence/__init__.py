"""What we know: measured values about versions and data, as pure statistics and their records."""

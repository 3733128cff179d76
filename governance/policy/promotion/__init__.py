"""May a version decide in production? Facts, limits, and a pure function of both."""

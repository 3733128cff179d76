"""What pages show that nothing else asks for, each in a constant number of statements."""

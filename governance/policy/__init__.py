"""What we ask: gates and verdicts. Pure; owns the input types of its gates."""

"""What is decided: promotion and validation, each one transaction that records why."""

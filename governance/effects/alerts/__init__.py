"""Who is told of incidents: the outbox that history wrote, delivered at least once."""

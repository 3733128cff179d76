"""What happened: the hash-chained audit log, its signed checkpoints, and who was live when."""

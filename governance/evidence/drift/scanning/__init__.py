"""One look at a model, from the live hour to the recorded report, and many looks in shards."""

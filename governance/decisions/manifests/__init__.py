"""Document 004: the manifests of a foreign trainer, governed in place by the same gates."""

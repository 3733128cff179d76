"""Meaning of an artifact's bytes: which format they are, how they are written, the one loader."""

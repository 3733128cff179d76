"""Stable paths to what decides now: a link and manifests per model, and its status keys."""

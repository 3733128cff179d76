"""Predictions by the champion, over HTTP: `governance serve`, or ``create_app`` in a server."""

from governance.serving.app import create_app
from governance.serving.limits import ServingLimits

__all__ = ["ServingLimits", "create_app"]

"""What agents are told and tell in A2A, by its media types."""

from typing import Final

MODES: Final = ("text/plain", "application/json")
"""Of the parts that agents take, and of those that they answer with unless they say otherwise."""

"""How an application that streams has its server wait before it asks for more: no thread is taken meanwhile."""

from typing import Final

REST: Final = "botberi.rest"
"""The key in WSGI's environ of a function that takes seconds, after which the part after the next one is asked for."""

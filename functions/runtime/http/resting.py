"""How an application has its server wait before it asks for more: no thread is taken meanwhile.

That is after a part of its response, or after an empty part that it yields before it begins its response.
"""

from typing import Final

REST: Final = "botberi.rest"
"""The key in WSGI's environ of a function that takes seconds, after which the part after the next one is asked for."""

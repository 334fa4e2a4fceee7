"""`python -m functions.jobs.flower --app functions.jobs.app flower`: Celery's command, with a Flower that only shows.

Flower's API can send jobs and tell workers what to do; here it is asked for what there is, and changes nothing. It
shows its metrics, with the names of workers and jobs in them, to whoever asks; here they need the password that its
pages need. `/healthcheck` says OK to everybody, and nothing else: who looks after containers has no password.
"""

from celery.__main__ import main
from flower.api import BaseApiHandler
from flower.urls import handlers
from flower.views.monitor import Metrics
from tornado.web import authenticated


class HiddenMetrics(Metrics):  # type: ignore[misc]  # Flower has no types
    """The metrics, for those who have logged in."""

    @authenticated
    async def get(self) -> None:
        """Answer as Flower does."""
        await super().get()


if __name__ == "__main__":
    # Tornado answers 405 to any other method before it looks for one of the handler's.
    BaseApiHandler.SUPPORTED_METHODS = ("GET", "HEAD")
    # The first that fits a path answers.
    handlers.insert(0, (r"/metrics", HiddenMetrics))
    main()

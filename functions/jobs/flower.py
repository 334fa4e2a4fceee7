"""`python -m functions.jobs.flower --app functions.jobs.app flower`: Celery's command, whose Flower hides its metrics.

Flower shows its metrics, with the names of workers and jobs in them, to whoever asks. Here they need the password that
its pages need. `/healthcheck` says OK to everybody, and nothing else: who looks after containers has no password.
"""

from celery.__main__ import main
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
    # The first that fits a path answers.
    handlers.insert(0, (r"/metrics", HiddenMetrics))
    main()

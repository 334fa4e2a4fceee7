"""How a call to the host can fail, in the words of its answer."""

from typing import Self

from functions.domain.instances.endings import Cause, Ending
from functions.domain.instances.plan import Result


class Failure(Exception):
    """A call that failed: what whoever sent a message is told, and what it means for whoever starts an instance."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        result: Result = Result.UNREACHABLE,
        cause: str = "",
        started: bool = True,
    ) -> None:
        """`code` is that of an API error; `cause` is for the result; `started` is false when the agent didn't start."""
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.result = result
        self.cause = cause
        self.started = started

    @classmethod
    def not_started(cls, ending: Ending) -> Self:
        """Return the failure to start."""
        if ending.cause == Cause.ENDED:
            return cls("agent_unavailable")
        if ending.cause == Cause.TIMED_OUT:
            return cls("agent_timed_out", "The agent took too long to start.", result=Result.TIMED_OUT, started=False)
        cause = ending.sentence()
        detail = f"The agent didn't start: {cause}."
        return cls("agent_failed", detail, result=Result.FAILED, cause=cause, started=False)

    @classmethod
    def ended(cls, ending: Ending) -> Self:
        """Return the failure to answer, because the agent ended."""
        if ending.cause == Cause.ENDED:
            return cls("agent_unavailable", "The agent was stopped.")
        cause = ending.sentence()
        detail = f"The agent ended before it answered: {cause}."
        return cls("agent_failed", detail, result=Result.FAILED, cause=cause)

    def told(self) -> dict[str, str | bool | None]:
        """Return it as JSON."""
        return {
            "code": self.code,
            "detail": self.detail,
            "result": self.result,
            "cause": self.cause,
            "started": self.started,
        }

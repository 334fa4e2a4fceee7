"""What kits and clients have found, and the table of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Result:
    """What a kit or client has found."""

    kit: str
    passed: int
    total: int
    failed: Sequence[str] = field(default_factory=tuple)
    """Each check that failed, with the reason that the kit gives."""

    @property
    def whole(self) -> bool:
        """Whether everything passed, and there was something to pass."""
        return self.passed == self.total > 0


def table(results: Iterable[Result]) -> str:
    """Return a table of results in Markdown, and below it what failed."""
    found = list(results)
    lines = ["| kit | passed | of |", "| --- | --- | --- |"]
    lines += [f"| {each.kit} | {each.passed} | {each.total} |" for each in found]
    lines += [f"- {each.kit}: {reason}" for each in found for reason in each.failed]
    return "\n".join(lines)

"""What a play knows of instances, and of who is at work on them."""

from dataclasses import dataclass

from functions.tests.lifecycles.stepped import Stepped
from functions.tests.lifecycles.world import BROKEN_IMAGE, IMAGE, told
from testing.people import Person


@dataclass(frozen=True)
class Spec:
    """What an instance consists of."""

    number: str
    said: str
    key: str | None

    @property
    def answer(self) -> str:
        """What its agent answers."""
        return told(self.number, self.said, self.key)

    @property
    def starts(self) -> bool:
        """Whether an agent of it starts."""
        return self.number == IMAGE or (self.said != "raise" and self.number != BROKEN_IMAGE)


@dataclass
class Known:
    """An instance as whoever asked for everything that was accepted knows it."""

    id: str
    owner: Person
    desired: str
    specs: dict[int, Spec]
    etags: list[str]

    @property
    def path(self) -> str:
        return f"/v1/instances/{self.id}"

    @property
    def wanted(self) -> Spec:
        return self.specs[max(self.specs)]


@dataclass
class Worker:
    """A job at work on an instance."""

    of: Known
    thread: Stepped
    lease_owner: str | None = None


@dataclass
class Message:
    """A message on its way to the agent."""

    of: Known
    thread: Stepped
    spec: Spec
    """Of what served when it was accepted, and is to answer it, if anything does."""
    ended: int
    """How often the instance had been ended when it was accepted."""


@dataclass
class Switch:
    """A kill switch that was engaged."""

    id: str
    scope: str
    target: str

    def concerns(self, owner_id: str, versions: set[str]) -> bool:
        """Return whether an instance of an owner that consists of one of these versions is not to run."""
        match self.scope:
            case "everything":
                return True
            case "version":
                return self.target in versions
            case _:
                return self.target == owner_id

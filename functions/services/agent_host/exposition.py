"""What Prometheus is shown of a host."""

from typing import Final

from functions.runtime.metrics import family
from functions.services.agent_host.awake import Awake
from functions.services.agent_host.turns import Turns

AWAKE: Final = "botberi_agents_awake"
WOKEN: Final = "botberi_agents_woken_total"
CALLS: Final = "botberi_agent_calls"


class Exposition:
    """The metrics of one host."""

    def __init__(self, awake: Awake, turns: Turns) -> None:
        """Show who is `awake` and which calls have their `turns`."""
        self._awake = awake
        self._turns = turns

    def text(self) -> str:
        """Return the metrics as text."""
        return "".join(
            (
                family(AWAKE, "gauge", "Agents that are awake.", [(AWAKE, {}, len(self._awake))]),
                family(WOKEN, "counter", "Agents that were woken.", [(WOKEN, {}, self._awake.woken)]),
                family(CALLS, "gauge", "Calls at work.", [(CALLS, {}, self._turns.taken)]),
            )
        )

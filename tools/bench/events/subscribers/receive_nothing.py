"""com.botberi.agent.created.v1: do nothing, so that only the way to here is measured."""

from events.catalog.agents import AgentCreated
from functions.runtime.subscriber import subscriber


@subscriber
def receive_nothing(event: AgentCreated) -> None:
    """Do nothing."""
    assert event.agent_id

"""`botberi agents`: for those who write agents."""

import click

from cli import agent_dev, agent_publish


@click.group()
def agents() -> None:
    """Agents that you write."""


agents.add_command(agent_dev.dev)
agents.add_command(agent_publish.publish)

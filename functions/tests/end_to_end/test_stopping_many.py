"""A kill switch with everything running: all of what it concerns refuses at once, and is stopped soon after."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from testing import launches, people
from testing.launches import Launched
from testing.people import Person
from testing.stack import Stack

Eventually = Callable[..., Any]

MANY = 30
PATH = "/v1/admin/kill-switches"


@pytest.fixture
def operator(stack: Stack, nothing_stopped: None) -> Person:
    return people.arrive(stack, stack.env, ("user", "admin"))


@pytest.fixture
def first(stack: Stack, eventually: Eventually) -> Launched:
    """One of many instances of an owner that run, of which it alone has a process."""
    owner = people.arrive(stack, stack.env, ("user",))
    instance = launches.launch(stack, stack.env, owner, "echo")
    eventually(lambda: instance.status == "running")
    with stack.env.transaction("shared_psql", "migrator") as db:
        db.execute(_MORE, {"id": instance.id, "more": MANY - 1})
    return instance


def states(instance: Launched, column: str) -> set[str]:
    with instance.env.transaction("shared_psql", "migrator") as db:
        query = text(f"select distinct {column} from instances where owner_id = :owner")
        return set(db.scalars(query, {"owner": instance.owner.id}))


def test_many_instances_refuse_messages_at_once_and_are_stopped(
    stack: Stack, operator: Person, first: Launched, eventually: Eventually
) -> None:
    assert first.say("hello").status_code == 200
    wanted = {"scope": "owner", "owner_id": first.owner.id, "reason": "A test."}
    switch = stack.admin.post(PATH, json=wanted, token=operator.token)
    assert switch.status_code == 201
    assert first.say("hello").code == "stopped_by_operator"
    eventually(lambda: states(first, "desired_state") == {"stopped"})
    eventually(lambda: states(first, "status") == {"stopped"})
    assert first.reasons()[-3:] == ["stopped_by_operator", "stopping", "agent_stopped"]
    over = {"reason": "It is over."}
    released = stack.admin.post(f"{PATH}/{switch.json['id']}/release", json=over, token=operator.token)
    assert released.status_code == 200
    assert first.ask("start").status_code == 202
    eventually(lambda: first.status == "running")


_MORE = text(
    """
    with more as (
      insert into instances (id, owner_id, agent_id, version_id, name, config, desired_state, status, reason, message,
                             observed_generation, due_at)
      select 'ins_' || lpad(to_hex(number), 32, '0'), owner_id, agent_id, version_id, name, config, desired_state,
        status, reason, message, 1, now() + interval '1 hour'
      from instances, generate_series(1, :more) as number where id = :id
      returning id, version_id
    )
    insert into instance_specs (instance_id, generation, version_id, config, secret_places, limits)
    select id, 1, version_id, '{}', '{}', '{}' from more
    """
)

"""Roles are provisioned safely, whoever else does so at the same time."""

from concurrent.futures import ThreadPoolExecutor

from events.configuration import secret
from functions.local.testing.world import World
from migrations.roles import provision


def test_roles_can_be_provisioned_from_two_places_at_once(world: World) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(provision, "shared_psql", "postgres", secret("psql-superuser")) for _ in range(12)]:
            done.result()

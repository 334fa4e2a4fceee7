"""Roles are provisioned safely, whoever else does so at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from core.configuration import secret
from migrations.roles import provision


@pytest.mark.usefixtures("env")
def test_roles_can_be_provisioned_from_several_places_at_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(provision, "shared_psql", "postgres", secret("psql-superuser")) for _ in range(12)]:
            done.result()

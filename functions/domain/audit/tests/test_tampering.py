"""Whatever a superuser does to what is kept for good, the verification finds it. `make tamper` does so at length."""

from collections import Counter
from collections.abc import Iterator

import pytest

from migrations.__main__ import migrate
from migrations.roles import provision
from testing.environment import Environment
from tools.attack import tampering
from tools.attack.tampering import ATTACKS, DATABASE, NOT_FOUND, Trail
from tools.local import databases

EACH = 10


@pytest.fixture(scope="module")
def trail(env: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trail]:
    """Give a trail of its own, in a database of its own."""
    with pytest.MonkeyPatch.context() as patch:
        address = env.environment()["SHARED_PSQL_URL"].partition("/")[0]
        patch.setenv("SHARED_PSQL_URL", f"{address}/tampered_{env.worker}")
        databases.create(DATABASE, anew=True)
        provision(DATABASE, "postgres", (env.secrets / "psql-superuser").read_text().strip())
        migrate(DATABASE, "upgrade", "head")
        with tampering.untouched(tmp_path_factory.mktemp("trail")) as trail:
            yield trail
        databases.drop(DATABASE)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_what_is_tampered_with_is_found(trail: Trail, attack: tampering.Attack) -> None:
    outcomes = Counter(tampering.tampered(trail, attack) for _ in range(EACH))
    assert outcomes[NOT_FOUND] == 0
    assert tampering.found(trail) is None

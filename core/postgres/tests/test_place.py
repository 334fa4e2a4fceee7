"""Where a database is, by its setting."""

import pytest

from core.configuration import MissingSettingError
from core.postgres.place import Place


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("db:5432/user_psql", Place("db", 5432, "user_psql", verified=False)),
        ("db.example.com:6432/theirs?tls=verify", Place("db.example.com", 6432, "theirs", verified=True)),
    ],
)
def test_a_place_is_read_from_its_setting(monkeypatch: pytest.MonkeyPatch, given: str, place: Place) -> None:
    monkeypatch.setenv("USER_PSQL_URL", given)
    assert Place.of("user_psql") == place


@pytest.mark.parametrize(
    "given", ["", "db/user_psql", "db:x/user_psql", "db:5432", "db:5432/user_psql?tls=verfy", "db:5432/?tls=verify"]
)
def test_what_is_none_is_refused_and_never_taken_for_one_without_proof(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("USER_PSQL_URL", given)
    with pytest.raises(MissingSettingError, match=r"USER_PSQL_URL must be host:port/database"):
        Place.of("user_psql")

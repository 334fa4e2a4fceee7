"""Channels: moved up by default, elsewhere by force, back to what they came from; every move is kept and said."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from functions.domain.catalog.tests.making import a_slug, an_agent, publish
from functions.domain.catalog.versions import Channel, in_share
from testing.clients import Api
from testing.environment import Environment
from testing.people import Person
from testing.responses import Response

FORCED: dict[str, Any] = {"force": True, "reason": "It is what I mean."}


class Moving:
    """The channel `stable` of an agent, in the hands of an administrator."""

    def __init__(self, api: Api, admin: Person, slug: str, channel: str = "stable") -> None:
        self.api, self.token = api.admin, admin.token
        self.path = f"/v1/admin/agents/{slug}/channels/{channel}"

    def read(self) -> dict[str, Any]:
        answer = self.api.get(self.path, token=self.token)
        assert answer.headers["ETag"] == f'"{answer.json["row_version"]}"'
        return dict(answer.json)

    def put(self, version: str | None, *, etag: int | str | None = None, **fields: Any) -> Response:
        return self.api.put(
            self.path, json={"version": version} | fields, token=self.token, headers=self.precondition(etag)
        )

    def roll_back(self, etag: int | None = None) -> Response:
        why = {"reason": "It loses answers."}
        return self.api.post(f"{self.path}/roll-back", json=why, token=self.token, headers=self.precondition(etag))

    def moves(self) -> list[tuple[str, str | None, str | None]]:
        page = self.api.get(f"{self.path}/moves?limit=100", token=self.token).json
        return [(move["kind"], move["previous"], move["version"]) for move in page["items"]]

    def precondition(self, etag: int | str | None) -> dict[str, str]:
        return {"If-Match": f'"{self.read()["row_version"] if etag is None else etag}"'}


@pytest.fixture
def admin(person: Callable[..., Person]) -> Person:
    return person(scopes=("user", "admin"))


@pytest.fixture
def moving(api: Api, env: Environment, admin: Person) -> Callable[..., Moving]:
    """`moving("1.0.0", "2.0.0")` is the channel of an agent with these versions, none of which it points at."""

    def make(*numbers: str, channel: str = "stable") -> Moving:
        slug = an_agent(env)
        for number in numbers:
            publish(env, slug, number, move=[])
        return Moving(api, admin, slug, channel)

    return make


def problems(answer: Response) -> list[tuple[str, str]]:
    assert (answer.status_code, answer.code) == (422, "channel_move_invalid")
    return [(error["pointer"], error["code"]) for error in answer.json["errors"]]


def test_a_channel_points_at_nothing_until_it_is_moved(moving: Callable[..., Moving]) -> None:
    channel = moving("1.0.0")
    before = channel.read()
    assert (before["version"], before["row_version"], before["updated_at"]) == (None, 0, None)
    answer = channel.put("1.0.0")
    assert (answer.status_code, answer.json["version"], answer.json["row_version"]) == (200, "1.0.0", 1)
    assert channel.read() == answer.json


def test_it_moves_up_and_by_force_alone_down_or_to_nothing(moving: Callable[..., Moving]) -> None:
    channel = moving("1.9.0", "1.10.0")
    assert channel.put("1.9.0").status_code == channel.put("1.10.0").status_code == 200
    for wanted in ("1.9.0", None):
        assert problems(channel.put(wanted)) == [("/version", "moves_back")]
        assert problems(channel.put(wanted, force=True, reason=" ")) == [("/reason", "reason_required")]
    assert channel.read()["version"] == "1.10.0"
    assert channel.put("1.9.0", **FORCED).json["version"] == "1.9.0"
    assert channel.put(None, **FORCED).json["version"] is None


def test_stable_takes_a_pre_release_by_force_alone_and_beta_takes_any(moving: Callable[..., Moving]) -> None:
    stable, beta = moving("1.0.0-rc.1"), moving("1.0.0-rc.1", channel="beta")
    assert problems(stable.put("1.0.0-rc.1")) == [("/version", "pre_release")]
    assert stable.put("1.0.0-rc.1", **FORCED).status_code == beta.put("1.0.0-rc.1").status_code == 200


def test_what_is_so_already_is_no_move(moving: Callable[..., Moving]) -> None:
    channel = moving("1.0.0")
    assert channel.put("1.0.0").json["row_version"] == channel.put("1.0.0").json["row_version"] == 1
    assert len(channel.moves()) == 1


@pytest.mark.parametrize(
    ("version", "candidate", "place", "code"),
    [
        ("9.0.0", None, "/version", "version_unknown"),
        ("1.0.0", "9.0.0", "/candidate/version", "version_unknown"),
        ("1.0.0", "1.0.0", "/candidate/version", "same_version"),
        ("2.0.0", "1.0.0", "/candidate/version", "moves_back"),
        ("1.0.0", "3.0.0-rc.1", "/candidate/version", "pre_release"),
    ],
)
def test_it_points_at_nothing_that_makes_no_sense(
    moving: Callable[..., Moving], version: str, candidate: str | None, place: str, code: str
) -> None:
    channel = moving("1.0.0", "2.0.0", "3.0.0-rc.1")
    target = candidate and {"version": candidate, "percent": 5}
    assert problems(channel.put(version, candidate=target)) == [(place, code)]
    assert channel.read()["row_version"] == 0


def test_nothing_has_no_candidate(moving: Callable[..., Moving]) -> None:
    channel = moving("1.0.0")
    candidate = {"version": "1.0.0", "percent": 5}
    assert problems(channel.put(None, candidate=candidate, **FORCED)) == [("/candidate", "without_version")]


@pytest.mark.parametrize("percent", [-1, 101, 0.5, "5", None])
def test_a_share_is_a_whole_number_of_percent(moving: Callable[..., Moving], percent: object) -> None:
    answer = moving("1.0.0", "1.1.0").put("1.0.0", candidate={"version": "1.1.0", "percent": percent})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/candidate/percent")


def test_a_move_is_of_the_state_that_was_read(api: Api, admin: Person, moving: Callable[..., Moving]) -> None:
    channel = moving("1.0.0", "1.1.0")
    channel.put("1.0.0")
    stale = channel.put("1.1.0", etag=0)
    assert (stale.status_code, stale.code) == (412, "channel_changed_meanwhile")
    assert api.admin.put(channel.path, json={"version": "1.1.0"}, token=admin.token).status_code == 428
    assert channel.read()["version"] == "1.0.0"


def test_of_many_that_read_the_same_state_one_moves_it(moving: Callable[..., Moving]) -> None:
    numbers = [f"1.{minor}.0" for minor in range(5)]
    channel = moving(*numbers)
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda number: channel.put(number, etag=0), numbers))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]
    assert len(channel.moves()) == channel.read()["row_version"] == 1


def test_rolling_back_undoes_one_replacement_after_the_other(moving: Callable[..., Moving]) -> None:
    channel = moving("1.0.0", "1.1.0", "1.2.0")
    for number in ("1.0.0", "1.1.0", "1.2.0"):
        channel.put(number)
    assert [channel.roll_back().json["version"] for _ in range(2)] == ["1.1.0", "1.0.0"]
    last = channel.roll_back()
    assert (last.status_code, last.code) == (409, "nothing_to_roll_back_to")
    assert channel.moves() == [
        ("rolled_back", "1.1.0", "1.0.0"),
        ("rolled_back", "1.2.0", "1.1.0"),
        ("moved", "1.1.0", "1.2.0"),
        ("moved", "1.0.0", "1.1.0"),
        ("moved", None, "1.0.0"),
    ]


def test_after_a_roll_back_it_moves_up_again_and_back_again(moving: Callable[..., Moving]) -> None:
    channel = moving("1.0.0", "1.1.0", "1.2.0")
    for number in ("1.0.0", "1.1.0"):
        channel.put(number)
    channel.roll_back()
    assert channel.put("1.2.0").json["version"] == "1.2.0"
    assert channel.roll_back().json["version"] == "1.0.0"


def test_rolling_back_takes_the_candidate_away_and_counts_no_change_of_it(moving: Callable[..., Moving]) -> None:
    channel = moving("1.0.0", "1.1.0", "1.2.0")
    channel.put("1.0.0")
    channel.put("1.1.0")
    for percent in (5, 50):
        channel.put("1.1.0", candidate={"version": "1.2.0", "percent": percent})
    answer = channel.roll_back()
    assert (answer.json["version"], answer.json["candidate"]) == ("1.0.0", None)


def test_rolling_back_needs_the_state_that_was_read(moving: Callable[..., Moving]) -> None:
    channel = moving("1.0.0", "1.1.0", "1.2.0")
    for number in ("1.0.0", "1.1.0", "1.2.0"):
        channel.put(number)
    # An answer that was lost: the second does nothing.
    assert [channel.roll_back(etag=3).status_code for _ in range(2)] == [200, 412]
    assert channel.read()["version"] == "1.1.0"


def test_a_publication_that_moves_it_is_a_move_and_ends_a_candidate(
    env: Environment, moving: Callable[..., Moving]
) -> None:
    channel = moving("1.0.0", "1.1.0")
    channel.put("1.0.0", candidate={"version": "1.1.0", "percent": 20})
    slug = channel.path.split("/")[4]
    publish(env, slug, "1.2.0")
    publish(env, slug, "1.0.1", move=[Channel.STABLE])
    assert channel.moves()[:2] == [("published", "1.2.0", "1.0.1"), ("published", "1.0.0", "1.2.0")]
    assert channel.read()["candidate"] is None
    assert channel.roll_back().json["version"] == "1.2.0"


def test_every_move_is_said_with_who_moved_it_and_why(
    env: Environment, admin: Person, moving: Callable[..., Moving]
) -> None:
    channel = moving("1.0.0", "1.1.0")
    channel.put("1.1.0", candidate={"version": "1.0.0", "percent": 5}, **FORCED)
    query = text("select data, actor from outbox where type = 'com.botberi.channel.moved.v1' and data->>'slug' = :slug")
    with env.transaction("shared_psql", "relay") as db:
        [(data, actor)] = db.execute(query, {"slug": channel.path.split("/")[4]}).all()
    assert actor == admin.id
    assert data | {"agent_id": ""} == {
        "agent_id": "",
        "slug": channel.path.split("/")[4],
        "channel": "stable",
        "kind": "moved",
        "number": "1.1.0",
        "previous_number": None,
        "candidate_number": "1.0.0",
        "candidate_percent": 5,
        "reason": "It is what I mean.",
    }
    [move] = channel.api.get(f"{channel.path}/moves", token=admin.token).json["items"]
    assert (move["moved_by"], move["reason"], move["candidate"], move["percent"]) == (
        admin.id,
        "It is what I mean.",
        "1.0.0",
        5,
    )


@pytest.mark.parametrize("path", ["channels/stable", "channels/stable/moves", "versions/1.0.0"])
def test_an_agent_that_is_not_there_has_none(api: Api, admin: Person, path: str) -> None:
    assert api.admin.get(f"/v1/admin/agents/{a_slug()}/{path}", token=admin.token).code == "agent_not_found"


def test_there_is_no_third_channel(moving: Callable[..., Moving]) -> None:
    channel = moving("1.0.0", channel="nightly")
    assert channel.api.get(channel.path, token=channel.token).status_code == 404
    assert channel.put("1.0.0", etag=0).status_code == 404


@pytest.mark.parametrize("statement", ["update channel_moves set reason = 'x'", "delete from channel_moves"])
def test_the_database_too_keeps_moves_as_they_are(env: Environment, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), env.transaction("shared_psql", "admin") as db:
        db.execute(text(statement))


def test_a_share_holds_as_many_of_the_instances_as_it_says_and_never_loses_one_by_growing() -> None:
    ids = [f"ins_{number:032x}" for number in range(10_000)]
    shares = [{each for each in ids if in_share(each, percent)} for percent in range(101)]
    assert (len(shares[0]), len(shares[100])) == (0, 10_000)
    assert all(less <= more for less, more in pairwise(shares))
    assert all(abs(len(share) - 100 * percent) < 250 for percent, share in enumerate(shares))

"""Refresh tokens in any order: tabs, answers that are lost, thieves, and time that passes."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from functions.domain.accounts import accounts, sessions
from functions.domain.accounts.refresh_tokens import RefreshToken
from functions.domain.client import Client
from functions.domain.databases import UserDb
from testing.environment import Environment
from testing.people import Person

BROWSER, ELSEWHERE = Client("203.0.113.0/24", "Browser/1.0"), Client("198.51.100.0/24", "Other/1.0")
IDLE_DAYS = 30

Step = tuple[str, int, bool]
"""Who does something, how often, and whether the last answer is lost. Of a pause, the days."""

MANY = st.integers(1, 3)
STEPS = st.one_of(
    st.tuples(st.just("tab"), MANY, st.booleans()),
    st.just(("steal", 1, False)),
    st.tuples(st.just("thief"), MANY, st.booleans()),
    st.tuples(st.just("pause"), st.sampled_from([1, 15, 31]), st.just(False)),
)


@dataclass
class Session:
    """One session, and what is known of it by those rules alone that people are told."""

    db: UserDb
    owner: str
    """The token that the owner's tabs have in common."""
    thief: str | None = None
    presented: set[int] = field(default_factory=set)
    days_left: int = IDLE_DAYS
    is_revoked: bool = False
    was_misused: bool = False
    """Whether a thief has ever presented a token."""

    def present(self, token: str, client: Client) -> str | None:
        """Present a token; return the next one, or None if it is refused. Fails unless that is as it should be."""
        counter = RefreshToken.read(token).counter
        is_open = not self.is_revoked and self.days_left > 0
        # It may be that nobody has the answer to it, until somebody shows that they have.
        is_good = counter + 1 not in self.presented
        given: str | None = None
        told: type[Exception] | None = None
        try:
            given = sessions.refresh(self.db, token, client).refresh_token
        except (sessions.SessionEnded, sessions.RefreshTokenReused) as error:
            told = type(error)
        if not is_open:
            assert told is sessions.SessionEnded
        elif not is_good:
            assert told is sessions.RefreshTokenReused
            self.is_revoked = True
        else:
            assert given is not None
            assert RefreshToken.read(given).counter == counter + 1
            if counter not in self.presented:
                self.days_left = IDLE_DAYS
            self.presented.add(counter)
        return given

    def take(self, step: Step) -> None:
        """Let something happen."""
        match step:
            case ("tab", times, is_lost):
                self.owner = self._refreshed(self.owner, BROWSER, times, is_lost=is_lost)
            case ("steal", _, _):
                self.thief = self.owner
            case ("thief", times, is_lost) if self.thief is not None:
                self.was_misused = True
                self.thief = self._refreshed(self.thief, ELSEWHERE, times, is_lost=is_lost)
            case ("pause", days, _) if self.days_left > 0 and not self.is_revoked:
                self.days_left -= days
                earlier = "update sessions set expires_at = expires_at - make_interval(days => :days) where id = :id"
                self.db.execute(text(earlier), {"days": days, "id": RefreshToken.read(self.owner).session_id})

    def _refreshed(self, token: str, client: Client, times: int, *, is_lost: bool) -> str:
        """Refresh so many times; return the token that whoever does it has then."""
        for left in reversed(range(times)):
            given = self.present(token, client)
            token = token if given is None or (is_lost and not left) else given
        return token


@pytest.fixture(scope="module")
def ids() -> list[str]:
    """Return a place for the id of somebody who is there for all examples."""
    return []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(STEPS, min_size=3, max_size=9))
def test_owners_stay_logged_in_and_no_thief_goes_on_beside_them(
    env: Environment, person: Callable[..., Person], ids: list[str], steps: list[Step]
) -> None:
    if not ids:
        ids.append(person().id)
    with env.transaction("user_psql", "user") as connection:
        db = UserDb(connection)
        session = Session(db, sessions.open_session(db, accounts.find(db, ids[0]), BROWSER).refresh_token)
        for step in steps:
            session.take(step)
        # Tabs alone, whatever of their answers was lost, end no session.
        assert session.was_misused or not session.is_revoked
        # Whoever has gone two steps ahead of another is alone: the other's next step ends the session for both.
        newest = max(session.presented, default=-1) + 1
        both = (session.owner, session.thief or session.owner)
        late = min(both, key=lambda token: RefreshToken.read(token).counter)
        is_behind = RefreshToken.read(late).counter < newest - 1
        if is_behind and session.days_left > 0 and not session.is_revoked:
            assert session.present(late, BROWSER) is None
            assert session.is_revoked
        connection.rollback()

"""Second factors: each step and each recovery code is good once, whoever shows it and however many at a time."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import uuid4

import pyotp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.ids import new_id
from functions.domain.accounts import accounts, factors, recovery_codes
from functions.domain.accounts.factors import CodeWrong, SecondFactorWrong, TotpConfirmedAlready, TotpNotBegun
from functions.domain.accounts.totp import STEP_SECONDS
from functions.domain.databases import UserDb
from testing.environment import Environment

NOW = 1_700_000_000.0


@contextmanager
def user(env: Environment) -> Iterator[UserDb]:
    with env.transaction("user_psql", "user") as db:
        yield UserDb(db)


def account(db: UserDb) -> str:
    return accounts.add(db, f"{uuid4().hex}@example.com", "no hash", account_id=new_id("usr")).id


def code(secret: str, at: float) -> str:
    return pyotp.TOTP(secret).generate_otp(int(at // STEP_SECONDS))


def enrolled(db: UserDb, at: float = NOW) -> tuple[str, str, list[str]]:
    """Return a new account, the secret of its app and its recovery codes."""
    account_id = account(db)
    secret = factors.begin(db, account_id).secret
    return account_id, secret, factors.confirm(db, account_id, "ses_1", code(secret, at), at=at)


def is_taken(db: UserDb, account_id: str, **proof: object) -> bool:
    try:
        factors.prove(db, account_id, **proof)  # type: ignore[arg-type]
    except SecondFactorWrong:
        return False
    return True


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-3, 3)), max_size=8))
def test_whatever_is_shown_when_each_step_is_used_once_and_in_order(
    env: Environment, shown: list[tuple[int, int]]
) -> None:
    with user(env) as db:
        account_id, secret, _ = enrolled(db)
        now, used = int(NOW // STEP_SECONDS), int(NOW // STEP_SECONDS)
        for passed, drift in shown:
            now += passed
            good = abs(drift) <= 1 and now + drift > used
            at, text_of = now * STEP_SECONDS, code(secret, (now + drift) * STEP_SECONDS)
            assert is_taken(db, account_id, code=text_of, at=at) is good
            used = now + drift if good else used


def at_once(env: Environment, account_id: str, **proof: object) -> list[bool]:
    """Let ten show the same at once, and return who got through."""

    def one(_: int) -> bool:
        with user(env) as db:
            return is_taken(db, account_id, **proof)

    with ThreadPoolExecutor(10) as many:
        return list(many.map(one, range(10)))


def test_of_many_who_show_a_code_at_once_one_gets_through(env: Environment) -> None:
    with user(env) as db:
        account_id, secret, [recovery_code, *_] = enrolled(db)
    later = NOW + STEP_SECONDS
    assert at_once(env, account_id, code=code(secret, later), at=later).count(True) == 1
    assert at_once(env, account_id, recovery_code=recovery_code).count(True) == 1


def test_a_recovery_code_is_good_once_however_it_is_written(env: Environment) -> None:
    with user(env) as db:
        account_id, _, codes = enrolled(db)
        other, _, _ = enrolled(db)
        first, second, third, *_ = codes
        assert [is_taken(db, account_id, recovery_code=first) for _ in range(2)] == [True, False]
        assert is_taken(db, account_id, recovery_code=second.upper().replace("-", " "))
        assert not is_taken(db, other, recovery_code=third)
        assert factors.of(db, account_id) == factors.Factors(totp=True, passkeys=0, recovery_codes_left=8)


def test_recovery_codes_are_many_and_long_and_kept_as_hashes(env: Environment) -> None:
    with user(env) as db:
        account_id, secret, codes = enrolled(db)
    assert len(set(codes)) == recovery_codes.NUMBER
    assert {len(each.replace("-", "")) * 5 // 8 for each in codes} == {128 // 8}
    with env.transaction("user_psql", "migrator") as db:
        query = "select to_jsonb(r) || to_jsonb(t) from recovery_codes r join totp_factors t using (account_id)"
        kept = str(db.execute(text(query)).scalars().all())
    assert account_id in kept
    assert not [each for each in (secret, *codes, codes[0].replace("-", "")) if each in kept]


def test_new_recovery_codes_replace_the_old_ones(env: Environment) -> None:
    with user(env) as db:
        account_id, _, [old, *_] = enrolled(db)
        [new, *_] = factors.renew_recovery_codes(db, account_id)
        assert [is_taken(db, account_id, recovery_code=each) for each in (old, new)] == [False, True]
        with pytest.raises(factors.NoSecondFactor):
            factors.renew_recovery_codes(db, account(db))


def test_an_app_is_confirmed_by_a_code_within_ten_minutes_and_once(env: Environment) -> None:
    with user(env) as db:
        account_id = account(db)
        with pytest.raises(TotpNotBegun):
            factors.confirm(db, account_id, "ses_1", "000000", at=NOW)
        forgotten, secret = (factors.begin(db, account_id).secret for _ in range(2))
        for wrong in (code(forgotten, NOW), code(secret, NOW + 2 * STEP_SECONDS)):
            with pytest.raises(CodeWrong):
                factors.confirm(db, account_id, "ses_1", wrong, at=NOW)
        assert not factors.are_needed(db, account_id)
        factors.confirm(db, account_id, "ses_1", code(secret, NOW), at=NOW)
        assert factors.are_needed(db, account_id)
        for again in (
            lambda: factors.begin(db, account_id),
            lambda: factors.confirm(db, account_id, "ses_1", code(secret, NOW + STEP_SECONDS), at=NOW),
        ):
            with pytest.raises(TotpConfirmedAlready):
                again()


def test_what_was_begun_long_ago_is_not_confirmed(env: Environment) -> None:
    with user(env) as db:
        account_id = account(db)
        secret = factors.begin(db, account_id).secret
    with env.transaction("user_psql", "migrator") as db:
        db.execute(
            text("update totp_factors set created_at = now() - interval '601 s' where account_id = :id"),
            {"id": account_id},
        )
    with user(env) as db, pytest.raises(TotpNotBegun):
        factors.confirm(db, account_id, "ses_1", code(secret, NOW), at=NOW)


def test_a_factor_that_is_not_confirmed_or_was_removed_proves_nothing(env: Environment) -> None:
    with user(env) as db:
        account_id = account(db)
        secret = factors.begin(db, account_id).secret
        assert not is_taken(db, account_id, code=code(secret, NOW), at=NOW)
        removed, secret, [recovery_code, *_] = enrolled(db)
        factors.remove(db, removed, "ses_1")
        later = NOW + STEP_SECONDS
        assert not is_taken(db, removed, code=code(secret, later), at=later)
        assert not is_taken(db, removed, recovery_code=recovery_code)
        with pytest.raises(factors.TotpNotFound):
            factors.remove(db, removed, "ses_1")


def test_by_default_the_time_is_this_moment(env: Environment) -> None:
    with user(env) as db:
        account_id, secret, _ = enrolled(db, at=time.time() - STEP_SECONDS)
        assert is_taken(db, account_id, code=code(secret, time.time() + STEP_SECONDS))


def events_of(env: Environment, account_id: str) -> list[tuple[str, object]]:
    query = text("select type, data from outbox where subject = :id order by seq")
    with env.transaction("user_psql", "relay") as db:
        return [(row.type.split(".", 2)[2], row.data) for row in db.execute(query, {"id": account_id})]


def test_what_happens_is_said_and_no_secret_with_it(env: Environment) -> None:
    with user(env) as db:
        account_id, secret, codes = enrolled(db)
        factors.prove(db, account_id, recovery_code=codes[0])
        factors.remove(db, account_id, "ses_1")
    said = events_of(env, account_id)[1:]
    assert [name for name, _ in said] == ["factor.added.v1", "recovery_code.used.v1", "factor.removed.v1"]
    assert said[1][1] == {"account_id": account_id, "left": 9}
    assert not [each for each in (secret, *codes) if each in str(said)]


def test_who_logs_in_while_a_factor_is_added_waits_and_is_asked_for_it(env: Environment) -> None:
    email, password = f"{uuid4().hex}@example.com", "a good long password"
    with user(env) as db:
        account_id = accounts.create_account(db, email, password).id
        secret = factors.begin(db, account_id).secret

    def asked() -> bool:
        with user(env) as db:
            return factors.are_needed(db, accounts.authenticate(db, email, password).id)

    with ThreadPoolExecutor(1) as elsewhere:
        with user(env) as db:
            factors.confirm(db, account_id, "ses_1", code(secret, NOW), at=NOW)
            asking = elsewhere.submit(asked)
            waiting = "select count(*) from pg_locks where locktype in ('tuple', 'transactionid') and not granted"
            while db.scalar(text(waiting)) == 0:
                assert not asking.done()
        assert asking.result() is True

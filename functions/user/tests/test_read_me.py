from collections.abc import Callable

from testing.clients import Api
from testing.people import Person


def test_everyone_reads_their_own_account(api: Api, person: Callable[..., Person]) -> None:
    ann, bob = person(), person(scopes=("user", "admin"))
    assert api.user.get("/v1/me", token=ann.token).json["email"] == ann.email
    assert api.user.get("/v1/me", token=bob.token).json["scopes"] == ["user", "admin"]


def test_nobody_reads_an_account_without_logging_in(api: Api) -> None:
    answer = api.user.get("/v1/me")
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="botberi"'

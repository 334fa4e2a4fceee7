from collections.abc import Callable
from typing import Any

import jwt

from testing.clients import Api
from testing.people import Person


def test_anyone_can_check_an_access_token_with_the_published_keys(api: Api, person: Callable[..., Person]) -> None:
    somebody = person()
    keys: Any = jwt.PyJWKSet.from_dict(api.user.get("/.well-known/jwks.json").json)
    key = keys[jwt.get_unverified_header(somebody.token)["kid"]]
    claims = jwt.decode(somebody.token, key, algorithms=["EdDSA"], issuer="botberi", audience="botberi-api")
    assert (claims["sub"], claims["scope"], claims["exp"] - claims["iat"]) == (somebody.id, "user", 600)


def test_the_keys_may_be_kept_and_asked_for_again(api: Api) -> None:
    answer = api.user.get("/.well-known/jwks.json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    again = api.user.get("/.well-known/jwks.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_nothing_private_is_published(api: Api) -> None:
    published = api.user.get("/.well-known/jwks.json").json["keys"]
    assert len(published) == 2
    assert not [key for key in published if "d" in key]

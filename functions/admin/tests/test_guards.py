"""Every route of administrators is closed to everybody else; a new one is covered by itself."""

import re
from collections.abc import Callable

import pytest

from functions.runtime.declarations import Declaration
from functions.runtime.functions import declarations
from testing.clients import Api
from testing.people import Person

BY_LINK = {"upload_bundle"}
"""Whoever has been given a link needs nothing else for what it is for."""

ROUTES = [each for each in declarations(["admin"]) if each.name not in BY_LINK]


def path_of(declaration: Declaration) -> str:
    return re.sub(r"{\w+}", "some", declaration.path)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_nobody_gets_in_without_a_token(api: Api, route: Declaration) -> None:
    assert route.path.startswith("/v1/admin/")
    answer = api.admin.request(route.method, path_of(route))
    assert (answer.status_code, answer.code) == (401, "unauthenticated")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_nobody_gets_in_without_the_scope(api: Api, person: Callable[..., Person], route: Declaration) -> None:
    token = person(scopes=("user", "broker")).token
    answer = api.admin.request(route.method, path_of(route), token=token)
    assert (answer.status_code, answer.code) == (403, "forbidden")

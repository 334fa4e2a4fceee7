"""Declarations for tests that need one with something wrong or special about it."""

from pathlib import Path
from typing import Any

from functions.runtime.declarations import Declaration, Resources
from functions.runtime.providers.base import Provider


def declared(
    name: str,
    path: str = "/v1/things",
    *parameters: Provider,
    api: str = "user",
    **facts: Any,
) -> Declaration:
    """Return the declaration of an endpoint that does nothing."""
    return Declaration(
        name=name,
        api=api,
        file=Path(f"functions/{api}/{name}.py"),
        handler=lambda: None,
        summary="Does nothing.",
        parameters=parameters,
        resources=Resources(),
        method=facts.pop("method", "GET"),
        path=path,
        **facts,
    )

"""Contexts for tests, as callers of an agent host send them."""

from functions.domain.instances.contexts import Context


def a_context(**facts: object) -> Context:
    """Return the context of an instance without config, but for these facts."""
    usual: dict[str, object] = {
        "instance_id": "ins_1",
        "owner_id": "usr_1",
        "row_version": 1,
        "generation": 1,
        "version_id": "ver_1",
        "digest": "0" * 64,
        "config": {},
        "secret_places": (),
    }
    return Context.model_validate(usual | facts)

"""Push configs: where clients of A2A want to be notified about a task, and how notifications authenticate themselves.

Credentials are sealed, and nobody is shown them again. They are bound to the URL too: whoever writes another into the
row has them sent nowhere.
"""

import json
from typing import Final

from pydantic import JsonValue
from sqlalchemy import delete as delete_from
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from core.ids import new_id
from functions.domain import sealing
from functions.domain.a2a import webhooks
from functions.domain.a2a.errors import InvalidParams, TaskNotFound
from functions.domain.a2a.requests import PushConfig as Asked
from functions.domain.databases import SharedDb
from functions.domain.instances.config_secrets import KEYS_NAME, used_of
from functions.domain.sealing import DataKey, Sealed
from shared_psql_models.push_configs import PushConfig, push_configs
from shared_psql_models.runs import Run, runs

Json = dict[str, JsonValue]

MOST: Final = 10
"""Push configs that a task may have."""

_OPEN: Final = {"sealed": None, "key_id": None, "wrapped_key": None}


def put(db: SharedDb, run: Run, asked: Asked) -> PushConfig:
    """Add a push config to a run, which is locked, or put it in the place of the one with its id; return it.

    A client that names no id has one for each task. Raises InvalidParams and SecretsUnavailable.
    """
    if asked.task_id not in {None, run.id}:
        raise InvalidParams("taskId: this is another task.")
    webhooks.check(asked.url)
    config_id = asked.id or run.id
    _check_room(db, run.id, config_id)
    told = _told(asked)
    sealed = _seal(run, config_id, asked.url, told) if told else _OPEN
    scheme = None if asked.authentication is None else asked.authentication.scheme
    replaced = {"url": asked.url, "scheme": scheme, "failing_since": None, **sealed}
    new = {"run_id": run.id, "id": config_id, "subject": new_id("psh"), "notified_sequence": run.last_sequence}
    added = insert(push_configs).values(new | replaced)
    added = added.on_conflict_do_update(index_elements=["run_id", "id"], set_=replaced)
    if not run.notifies:
        db.execute(update(runs).where(runs.c.id == run.id).values(notifies=True))
    return PushConfig.of(db.execute(added.returning(push_configs)).mappings().one())


def find(db: SharedDb, run_id: str, config_id: str) -> PushConfig:
    """Return a push config of a run. Raises TaskNotFound."""
    same = (push_configs.c.run_id == run_id, push_configs.c.id == config_id)
    row = db.execute(select(push_configs).where(*same)).mappings().first()
    if row is None:
        raise TaskNotFound(f"The task has no push config {config_id!r}.")
    return PushConfig.of(row)


def of_run(db: SharedDb, run_id: str) -> list[PushConfig]:
    """Return the push configs of a run, the oldest first."""
    query = select(push_configs).where(push_configs.c.run_id == run_id)
    return [PushConfig.of(row) for row in db.execute(query.order_by(push_configs.c.subject)).mappings()]


def delete(db: SharedDb, run_id: str, config_id: str) -> None:
    """Delete a push config of a run, if there is one."""
    db.execute(delete_from(push_configs).where(push_configs.c.run_id == run_id, push_configs.c.id == config_id))


def shown(config: PushConfig) -> Json:
    """Return it in the form of A2A's `TaskPushNotificationConfig`, without what is secret in it."""
    found: Json = {"id": config.id, "taskId": config.run_id, "url": config.url}
    return found if config.scheme is None else found | {"authentication": {"scheme": config.scheme}}


def headers(config: PushConfig, instance_id: str) -> dict[str, str]:
    """Return the headers by which notifications authenticate themselves. Raises SecretsUnavailable."""
    token, credentials = _unseal(config, instance_id)
    found = {"X-A2A-Notification-Token": token} if token else {}
    return found if config.scheme is None else found | {"Authorization": f"{config.scheme} {credentials}".strip()}


def bound_to(run_id: str, config_id: str, url: str) -> bytes:
    """Return what a push config's secrets and their data key are bound to."""
    return f"botberi push config 1 {json.dumps([run_id, config_id, url])}".encode()


def _check_room(db: SharedDb, run_id: str, config_id: str) -> None:
    others = (push_configs.c.run_id == run_id, push_configs.c.id != config_id)
    if int(db.scalar(select(func.count()).select_from(push_configs).where(*others)) or 0) >= MOST:
        raise InvalidParams(f"The task has {MOST} push configs, as many as it may: delete one.")


def _told(asked: Asked) -> tuple[str, str] | None:
    """Return what is secret: the token, and the credentials."""
    found = asked.token, "" if asked.authentication is None else asked.authentication.credentials
    return found if any(found) else None


def _seal(run: Run, config_id: str, url: str, told: tuple[str, str]) -> dict[str, str | bytes]:
    with used_of(run.instance_id):
        sealed = sealing.seal(
            sealing.master_keys(KEYS_NAME), json.dumps(told).encode(), bound_to(run.id, config_id, url)
        )
    key = sealed.data_key
    return {"sealed": sealed.text, "key_id": key.key_id, "wrapped_key": key.wrapped}


def _unseal(config: PushConfig, instance_id: str) -> tuple[str, str]:
    if config.sealed is None or config.key_id is None or config.wrapped_key is None:
        return "", ""
    sealed = Sealed(DataKey(config.key_id, config.wrapped_key), config.sealed)
    with used_of(instance_id):
        told = sealing.unseal(sealing.master_keys(KEYS_NAME), sealed, bound_to(config.run_id, config.id, config.url))
    token, credentials = json.loads(told)
    return str(token), str(credentials)

"""GET /v1/instances/{instance_id}/secrets: which secrets an instance has, by name."""

from functions.domain.databases import SharedDb
from functions.domain.instances import config_secrets, reading
from functions.domain.instances.reading import InstanceNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import User
from functions.schemas.base import Page, PageQuery
from functions.schemas.instance_ids import InstanceId
from functions.schemas.instance_secrets import InstanceSecret


@endpoint("GET", "/v1/instances/{instance_id}/secrets", errors=(InstanceNotFound,))
def list_instance_secrets(
    caller: User, instance_id: InstanceId, query: PageQuery, db: SharedDb
) -> Page[InstanceSecret]:
    """Their values are shown to nobody: only the agent is given them."""
    instance = reading.find(db, instance_id, owner_id=caller.id)
    found = config_secrets.described(db, instance_id, instance.config, instance.secret_places)
    after = query.after()
    rows = [each for each in found if after is None or each.name > after]
    return query.page(rows[: query.limit + 1], InstanceSecret, key="name")

"""POST /v1/admin/kill-switches: say that something is not to run, and stop what runs of it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from core.ids import pattern
from functions.domain.databases import SharedDb
from functions.domain.instances import kill_switches
from functions.domain.instances.kill_switches import KillSwitchEngagedAlready, Scope
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Admin
from functions.schemas.kill_switches import KillSwitch
from functions.schemas.reasons import GivenReason


class NewKillSwitch(GivenReason):
    """What is not to run: one account's instances (`owner`), one version's, or nobody's (`everything`)."""

    scope: Annotated[Literal["everything", "owner", "version"], Field(examples=["everything"])]
    owner_id: Annotated[str | None, Field(pattern=pattern("usr"), description="Of the scope `owner`.")] = None
    version_id: Annotated[str | None, Field(pattern=pattern("ver"), description="Of the scope `version`.")] = None

    @model_validator(mode="after")
    def _names_its_target(self) -> Self:
        given = {"owner": self.owner_id, "version": self.version_id}
        if [scope for scope, target in given.items() if target is not None] != [*({self.scope} & given.keys())]:
            message = "Give owner_id with the scope owner, version_id with the scope version, and no other id."
            raise PydanticCustomError("target_ambiguous", "{message}", {"message": message})
        return self


@endpoint("POST", "/v1/admin/kill-switches", status=201, errors=(KillSwitchEngagedAlready,))
def engage_kill_switch(_caller: Admin, wanted: NewKillSwitch, db: SharedDb) -> KillSwitch:
    """None of it takes a message or is started from this answer on; what runs is stopped within seconds."""
    target = wanted.owner_id or wanted.version_id or ""
    return KillSwitch.model_validate(kill_switches.engage(db, Scope(wanted.scope), target, wanted.reason))

"""Doing what was approved: what each endpoint would have done with the arguments that were kept."""

from functions.domain.databases import SharedDb, UserDb
from shared_psql_models.operators import Approval
from shared_psql_models.statuses import VersionStatus


def carry_out(user: UserDb, shared: SharedDb, approval: Approval) -> None:
    """Do what was approved, by whoever approves and for the reason of whoever has asked.

    Raises what the endpoint does whose name the approval has, and LookupError for one that is unknown.
    """
    arguments = dict(approval.arguments)
    # Each is needed by itself, and no function starts for the others.
    match approval.action:
        case "change_version_status":
            from functions.domain.catalog import version_statuses

            new = version_statuses.NewStatus(VersionStatus(str(arguments["status"])), approval.reason)
            etags = {str(arguments["row_version"])}
            version_statuses.change(shared, str(arguments["slug"]), str(arguments["number"]), etags, new)
        case "force_delete_instance":
            from functions.domain.instances import administration

            administration.force_delete(shared, str(arguments["instance_id"]), approval.reason)
        case "redrive_dead_letters":
            from pydantic import TypeAdapter

            from functions.domain.event_path import resolving
            from functions.domain.event_path.dead_letters import Filter

            action = resolving.Action("redriven", resolved_by=approval.requested_by, reason=approval.reason)
            limit = int(str(arguments.pop("limit")))
            criteria = TypeAdapter(Filter).validate_python(arguments)
            resolving.resolve_matching({"user_psql": user, "shared_psql": shared}, action, criteria, limit)
        case unknown:
            raise LookupError(unknown)

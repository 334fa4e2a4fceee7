"""JSON Merge Patch (RFC 7396): what somebody sends of something that is already there."""

from functions.domain.json_schemas import Json


def merged(target: Json, patch: Json) -> Json:
    """Return `target` with what `patch` says: a member that is null goes, one that is an object is merged itself."""
    if not isinstance(patch, dict):
        return patch
    whole = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            whole.pop(name, None)
        else:
            whole[name] = merged(whole.get(name), value)
    return whole

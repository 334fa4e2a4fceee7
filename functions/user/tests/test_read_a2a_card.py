"""Cards: who may read them, and that their signatures are right for what a client keeps of them."""

import base64
import json
from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import JsonValue

from testing.clients import Api
from testing.launches import Launched
from testing.people import Person
from testing.responses import Response

PLACES = ("/a2a/.well-known/agent-card.json", "/.well-known/agent-card.json")


def card(instance: Launched, token: str | None = None, place: str = PLACES[0], **headers: str) -> Response:
    return instance.api.user.get(instance.path + place, token=token, headers=headers)


def discoverable(instance: Launched, value: object) -> Response:
    return instance.api.user.patch(
        instance.path, json={"discoverable": value}, token=instance.owner.token, headers={"If-Match": "*"}
    )


def test_a_card_is_its_owner_s_until_the_instance_is_discoverable(
    launch: Callable[..., Launched], person: Callable[..., Person]
) -> None:
    instance = launch()
    other = person().token
    assert card(instance, instance.owner.token).status_code == 200
    assert [card(instance).status_code, card(instance, other).status_code] == [401, 404]
    assert discoverable(instance, value=True).json["discoverable"] is True
    assert [card(instance, each, place).status_code for each in (None, other) for place in PLACES] == [200] * 4
    discoverable(instance, value=False)
    assert card(instance).status_code == 401


def test_a_token_that_is_shown_has_to_be_valid(launch: Callable[..., Launched]) -> None:
    instance = launch()
    discoverable(instance, value=True)
    assert card(instance, "nonsense").status_code == 401


def test_a_card_has_what_is_required_nothing_empty_and_is_kept_for_a_minute(launch: Callable[..., Launched]) -> None:
    instance = launch()
    answer = card(instance, instance.owner.token)
    assert answer.headers["Cache-Control"] == "private, max-age=60"
    found = answer.json
    assert {"name", "description", "version", "supportedInterfaces", "capabilities", "skills"} <= found.keys()
    assert {each["protocolBinding"]: each["url"].rpartition("/")[2] for each in found["supportedInterfaces"]} == {
        "JSONRPC": "rpc",
        "HTTP+JSON": "rest",
    }
    assert [*empty(found)] == []
    again = card(instance, instance.owner.token, **{"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def empty(value: JsonValue) -> list[JsonValue]:
    """Return what a client leaves out of what it checks: empty values, and false where true is meant."""
    if isinstance(value, dict | list) and value:
        return [found for each in (value.values() if isinstance(value, dict) else value) for found in empty(each)]
    return [value] if value in ("", [], {}) or value is None or value is False else []


def test_every_signature_is_by_a_public_key_over_the_canonical_form(api: Api, launch: Callable[..., Launched]) -> None:
    instance = launch()
    found = card(instance, instance.owner.token).json
    keys = {each["kid"]: each for each in api.user.get("/.well-known/card-keys.json").json["keys"]}
    signatures = found.pop("signatures")
    payload = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert signatures
    for each in signatures:
        header = json.loads(decoded(each["protected"]))
        assert header["alg"] == "EdDSA"
        assert header["jku"].endswith("/.well-known/card-keys.json")
        key = Ed25519PublicKey.from_public_bytes(decoded(keys[header["kid"]]["x"]))
        signed = f"{each['protected']}.".encode() + base64.urlsafe_b64encode(payload).rstrip(b"=")
        key.verify(decoded(each["signature"]), signed)
        with pytest.raises(InvalidSignature):
            key.verify(decoded(each["signature"]), signed + b"x")


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

"""The AsyncAPI document is valid for the official parser, and says what the declarations say."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from events import subscriptions
from events.broker import bus
from events.catalog.accounts import ApiKeyRevoked, SessionRevoked
from events.catalog.load import load
from events.contracts import contracts
from functions.runtime.functions import declarations
from functions.services.realtime import protocol
from provisioning.local_settings import ROOT
from tools.local.servers import binaries
from tools.manifests import asyncapi, realtime
from tools.manifests.asyncapi_channels import short

Json = dict[str, Any]

PARSER: Final = ROOT / "build/asyncapi/node_modules"
DOCUMENT: Final[Json] = json.loads(asyncapi.document(declarations()))
ERROR: Final = 0
"""The severity; 1 is a warning, 2 information, 3 a hint."""


def lead_nowhere(document: Json) -> None:
    document["operations"]["record-audit"]["channel"]["$ref"] = "#/channels/nowhere"


def bind_wrongly(document: Json) -> None:
    document["channels"]["record-audit"]["bindings"]["amqp"]["is"] = "pipe"


def describe_wrongly(document: Json) -> None:
    document["components"]["schemas"]["AgentCreated"]["properties"]["slug"]["type"] = "word"


SPOILT: Final = {spoil.__name__: spoil for spoil in (lead_nowhere, bind_wrongly, describe_wrongly)}


def spoilt(spoil: Callable[[Json], None]) -> str:
    document = json.loads(json.dumps(DOCUMENT))
    spoil(document)
    return json.dumps(document)


@pytest.fixture(scope="module")
def parsed() -> dict[str, Json]:
    """What the parser makes of the document, and of some that were spoilt, in one process."""
    node = binaries.installed("node")
    if node is None or not PARSER.is_dir():
        pytest.skip("the official parser is not installed: tools/local/bootstrap.sh test")
    given = {"ours": json.dumps(DOCUMENT), "realtime": realtime.document()} | {
        name: spoilt(spoil) for name, spoil in SPOILT.items()
    }
    script = Path(__file__).with_name("parse_asyncapi.cjs")
    environment = {**os.environ, "NODE_PATH": str(PARSER)}
    run = subprocess.run(
        [node, str(script)], input=json.dumps(given), capture_output=True, text=True, env=environment, check=True
    )
    return dict(json.loads(run.stdout))


@pytest.mark.parametrize("name", ["ours", "realtime"])
def test_the_official_parser_finds_nothing_wrong(parsed: dict[str, Json], name: str) -> None:
    complaints = {each["code"] for each in parsed[name]["complaints"]}
    # The document is of AsyncAPI 3.0, and tools for 3.1 read it too.
    assert complaints <= {"asyncapi-latest-version"}


@pytest.mark.parametrize("name", SPOILT)
def test_the_official_parser_finds_what_was_spoilt(parsed: dict[str, Json], name: str) -> None:
    assert ERROR in {each["severity"] for each in parsed[name]["complaints"]}
    assert parsed[name]["operations"] == {}


def test_the_parser_reads_that_every_subscriber_receives_its_types_from_its_queue(parsed: dict[str, Json]) -> None:
    every = sorted(load())
    for each in subscriptions.read(ROOT / "deploy/subscriptions.json"):
        action, addresses, messages = parsed["ours"]["operations"][each.function]
        assert (action, addresses) == ("receive", [each.queue])
        assert sorted(messages) == (every if "#" in each.types else sorted(each.types))


def test_the_parser_reads_that_every_type_is_sent_by_somebody(parsed: dict[str, Json]) -> None:
    sent = [operation for operation in parsed["ours"]["operations"].values() if operation[0] == "send"]
    assert all(addresses == messages for _, addresses, messages in sent)
    assert {name for _, _, messages in sent for name in messages} == set(load())


@pytest.mark.parametrize("name", sorted(load()))
def test_the_payload_of_a_message_takes_its_type_and_no_other(name: str) -> None:
    model = load()[name]
    payload = DOCUMENT["components"]["messages"][short(model)]["payload"] | {"components": DOCUMENT["components"]}
    validator = jsonschema.Draft7Validator(payload, format_checker=jsonschema.FormatChecker())
    for other in load().values():
        assert validator.is_valid(contracts.example(other)) == (other is model)


def test_the_parser_reads_what_browsers_and_the_gateway_say(parsed: dict[str, Json]) -> None:
    operations = parsed["realtime"]["operations"]
    assert operations["receive"] == ["receive", [protocol.PATH], ["authenticate", "subscribe", "follow", "unfollow"]]
    told = [protocol.name_of(notice) for notice in protocol.NOTICES]
    assert operations["tell"] == ["send", [protocol.PATH], [*told, "event"]]
    assert parsed["ours"]["operations"]["gateway"][2] == [SessionRevoked.type, ApiKeyRevoked.type]


def test_the_lock_of_the_parser_has_a_hash_for_everything_and_no_address_of_a_registry() -> None:
    lock = json.loads((ROOT / "deploy/requirements/asyncapi/package-lock.json").read_text())
    packages = [each for path, each in lock["packages"].items() if path]
    assert [each for each in packages if not each["integrity"].startswith("sha512-") or "resolved" in each] == []
    assert len(packages) > 100


def test_what_is_addressed_to_postgres_comes_by_an_exchange_of_its_own() -> None:
    channels = DOCUMENT["channels"]
    assert channels["notify"]["bindings"]["amqp"]["exchange"]["name"] == bus.NOTIFY_EXCHANGE
    assert channels["notify.shared_psql"]["address"] == bus.NOTIFY_QUEUE
    assert bus.NOTIFY_QUEUE in channels["dead-letters"]["parameters"]["queue"]["enum"]

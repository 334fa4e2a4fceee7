"""The tools of the platform as a server of MCP, but for talking: what each takes, and what it does."""

from collections.abc import Callable, Mapping
from typing import Final

from pydantic import JsonValue

from core.ids import new_id, pattern
from functions.domain.catalog import agents, versions
from functions.domain.catalog.agents import SLUG, Wanted
from functions.domain.catalog.interfaces import Tool
from functions.domain.databases import SharedDb
from functions.domain.instances import commands, history
from functions.domain.instances import reading as instances
from functions.domain.instances.reading import DescribedInstance, Filter
from functions.domain.mcp import offers
from functions.domain.runs import commands as run_commands
from functions.domain.runs import reading as runs
from functions.domain.runs.reading import Of
from functions.runtime.providers.callers import User
from functions.runtime.providers.databases import SharedTransactions

Object = dict[str, JsonValue]

MOST: Final = 50
"""Items that a list has."""

_INSTANCE: Final[Object] = {"type": "string", "pattern": pattern("ins"), "description": "The instance's id, ins_…"}
_RUN: Final[Object] = {"type": "string", "pattern": pattern("run"), "description": "The run's id, run_…"}
_AGENT: Final[Object] = {"type": "string", "pattern": SLUG, "description": "The agent's slug, as browse_agents has it."}


def _tool(tool: str, description: str, *required: str, task: bool = False, **properties: Object) -> Tool:
    schema: Object = {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }
    return Tool(name=tool, description=description, input_schema=schema, task="optional" if task else "never")


SAY: Final = _tool(
    "say",
    "Says something to one of your instances, and returns its agent's reply.",
    "instance",
    "text",
    task=True,
    instance=_INSTANCE,
    **offers.WORDS,
)

TOOLS: Final = (
    _tool(
        "browse_agents",
        "Lists agents of the catalog that can be launched.",
        query={"type": "string", "maxLength": 100, "description": "Words that an agent is found by."},
    ),
    _tool(
        "read_agent",
        "Returns what the catalog says of an agent, and the JSON Schema of its config.",
        "agent",
        agent=_AGENT,
    ),
    _tool(
        "launch_instance",
        "Launches an instance of an agent. Read it by explain_instance until its status is running.",
        "agent",
        "name",
        agent=_AGENT,
        name={"type": "string", "minLength": 1, "maxLength": 100, "description": "What it shall be called."},
        config={"type": "object", "description": "Has to fit the agent's config_schema."},
    ),
    _tool("list_instances", "Lists your instances with their statuses, newest first."),
    SAY,
    _tool("read_run", "Returns how far a run is, and the text of its reply so far.", "run", run=_RUN),
    _tool("cancel_run", "Cancels a run that goes on.", "run", run=_RUN),
    _tool(
        "explain_instance",
        "Tells why an instance is as it is: its status with the reason, what happens next, and its history.",
        "instance",
        instance=_INSTANCE,
    ),
    _tool("start_instance", "Starts an instance that has stopped or failed.", "instance", instance=_INSTANCE),
    _tool("stop_instance", "Stops an instance, and with it whatever it is at.", "instance", instance=_INSTANCE),
)


class Platform:
    """What the platform does for a caller by its tools."""

    def __init__(self, caller: User, transaction: SharedTransactions) -> None:
        """Do it with the caller's rights."""
        self._owner = caller.id
        self._transaction = transaction
        self.tools: Mapping[str, Callable[[Object], Object]] = {
            "browse_agents": self._browse,
            "read_agent": self._agent,
            "launch_instance": self._launch,
            "list_instances": self._instances,
            "read_run": self._run,
            "cancel_run": self._cancel,
            "explain_instance": self._explain,
            "start_instance": self._by("start_instance", commands.start),
            "stop_instance": self._by("stop_instance", commands.stop),
        }

    def _browse(self, arguments: Object) -> Object:
        wanted = Wanted(str(arguments.get("query") or ""), None, None)
        with self._transaction.reading() as db:
            found = agents.search(db, wanted, after=None, limit=MOST)
        shown: list[JsonValue] = [
            {"agent": each.slug, "name": each.name, "summary": each.summary, "tags": [*each.tags]} for each in found
        ]
        return {"agents": shown}

    def _agent(self, arguments: Object) -> Object:
        slug = str(arguments["agent"])
        with self._transaction.reading() as db:
            agent = agents.find(db, slug)
            version = versions.resolve(db, slug, instance_id=new_id("ins"))
        told: Object = {"agent": agent.slug, "name": agent.name, "summary": agent.summary}
        more: Object = {"description": agent.description, "version": version.number}
        return {**told, **more, "config_schema": version.config_schema}

    def _launch(self, arguments: Object) -> Object:
        # The other tools do without.
        from functions.domain.instances import launching
        from functions.domain.instances.launching import Traits

        config = arguments.get("config")
        instance_id = new_id("ins")
        with self._transaction() as db:
            version = launching.choose(db, str(arguments["agent"]), instance_id=instance_id)
        launch = launching.fit(instance_id, version, config if isinstance(config, dict) else {})
        with self._transaction() as db:
            launching.create(db, self._owner, launch, Traits(str(arguments["name"])))
            self._transaction.audit.enter(db, instance_id, action="create_instance")
            return _shown(instances.find(db, instance_id))

    def _instances(self, _arguments: Object) -> Object:
        with self._transaction.reading() as db:
            found = instances.search(db, Filter(self._owner), after=None, limit=MOST)
        return {"instances": [_shown(each) for each in found]}

    def _run(self, arguments: Object) -> Object:
        with self._transaction.reading() as db:
            run = runs.find(db, str(arguments["run"]), Of(self._owner))
            text = runs.text_so_far(db, run)
        told: Object = {"run": run.id, "instance": run.instance_id, "conversation": run.conversation_id}
        return {**told, "status": run.status, "reason": run.reason, "explanation": run.explanation, "text": text}

    def _cancel(self, arguments: Object) -> Object:
        with self._transaction() as db:
            run = run_commands.cancel(db, str(arguments["run"]), Of(self._owner))
        return {"run": run.id, "status": run.status, "explanation": run.explanation}

    def _explain(self, arguments: Object) -> Object:
        instance_id = str(arguments["instance"])
        with self._transaction.reading() as db:
            instance = instances.find(db, instance_id, owner_id=self._owner)
            events = history.of_instance(db, instance_id, after=None, limit=10)
        happened: list[JsonValue] = [
            {"at": each.at.isoformat(), "kind": each.kind, "value": each.value, "message": each.message}
            for each in events
        ]
        return {**_shown(instance), "history": happened}

    def _by(self, action: str, command: Callable[[SharedDb, str, str], None]) -> Callable[[Object], Object]:
        def run(arguments: Object) -> Object:
            instance_id = str(arguments["instance"])
            with self._transaction() as db:
                command(db, instance_id, self._owner)
                self._transaction.audit.enter(db, instance_id, action=action)
                return _shown(instances.find(db, instance_id))

        return run


def _shown(instance: DescribedInstance) -> Object:
    return {
        "instance": instance.id,
        "name": instance.name,
        "agent": instance.agent,
        "version": instance.version,
        "desired_state": instance.desired_state,
        "status": instance.status,
        "reason": instance.reason,
        "message": instance.message,
        "next": instance.next,
    }

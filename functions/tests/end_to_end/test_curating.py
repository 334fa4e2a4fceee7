"""What an administrator changes in the catalog: who sees it when, with everything running."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from functions.domain.catalog.tests.making import a_bundle, a_slug, in_base64
from testing import launches, people
from testing.stack import Stack

Eventually = Callable[[Callable[[], Any]], Any]


def test_a_new_version_shows_within_a_moment_and_everything_is_in_the_trail(
    stack: Stack, eventually: Eventually
) -> None:
    admin = people.arrive(stack, stack.env, ("user", "admin"))
    slug = a_slug()
    agent = {"slug": slug, "name": "Poet", "summary": "Answers in verse."}
    stack.admin.post("/v1/admin/agents", json=agent, token=admin.token)
    assert stack.user.get(f"/v1/agents/{slug}").json["channels"] == {}
    version = {"number": "1.0.0", "config_schema": {"type": "object"}, "bundle": in_base64(a_bundle())}
    published = stack.admin.post(f"/v1/admin/agents/{slug}/versions", json=version, token=admin.token)
    assert published.status_code == 201
    eventually(lambda: stack.user.get(f"/v1/agents/{slug}").json["channels"] == {"stable": "1.0.0"})
    trail = f"/v1/admin/audit?actor={admin.id}&action=com.botberi.version.published.v1"
    [entry] = eventually(lambda: stack.admin.get(trail, token=admin.token).json["items"])
    assert entry["details"]["data"]["version_id"] == published.json["id"]
    assert entry["details"]["trace_id"] == published.headers["X-Request-Id"]


def test_instances_of_an_agent_that_is_no_longer_listed_keep_working(
    stack: Stack, eventually: Eventually, tmp_path: Path
) -> None:
    somebody, slug = people.arrive(stack, stack.env, ("user", "admin")), launches.publish(stack.env, tmp_path)
    wanted = {"agent": slug, "name": "Mine", "config": {}}
    instance = f"/v1/instances/{stack.user.post('/v1/instances', json=wanted, token=somebody.token).json['id']}"
    eventually(lambda: stack.user.get(instance, token=somebody.token).json["status"] == "running")
    path = f"/v1/admin/agents/{slug}"
    etag = stack.admin.get(path, token=somebody.token).headers["ETag"]
    stack.admin.patch(path, json={"listed": False}, token=somebody.token, headers={"If-Match": etag})
    eventually(lambda: stack.user.get(f"/v1/agents/{slug}").status_code == 404)
    assert stack.user.post("/v1/instances", json=wanted, token=somebody.token).code == "agent_unknown"
    reply = stack.user.post(
        f"{instance}/messages", json={"text": "Still there?"}, token=somebody.token, headers={"Prefer": "wait=30"}
    )
    assert (reply.status_code, reply.json["text"]) == (200, "Still there?")

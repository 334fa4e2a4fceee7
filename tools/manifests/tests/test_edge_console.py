"""The console as the edge serves it: three files, small, and of this address alone."""

import json
import re
from pathlib import Path
from typing import Final

import pytest

from provisioning.local_settings import ROOT
from tools.console.build import BUILT, script_bytes
from tools.local.ports import free_ports
from tools.manifests.tests.edge_server import Edge, running
from tools.manifests.yaml_text import load_all

LOCK: Final = ROOT / "deploy" / "requirements" / "console" / "package-lock.json"

FILES: Final = {
    "/console": ("index.html", "text/html"),
    "/console/console.css": ("console.css", "text/css"),
    "/console/console.js": ("console.js", "text/javascript"),
}

ELSEWHERE: Final = re.compile(r"\b(?:https?|wss?):\\?/\\?/[a-z0-9.-]+|[\"'(]//[a-z0-9.-]+", re.IGNORECASE)
NAMES: Final = {"http://www.w3.org", "https://json-schema.org"}
"""What looks like an address and is the name of something, which nobody asks for."""


@pytest.mark.parametrize("address", FILES)
def test_every_file_is_served_under_a_strict_policy(edge: Edge, address: str) -> None:
    name, kind = FILES[address]
    answer = edge.get(address)
    assert (answer.status, answer.body) == (200, (BUILT / name).read_text())
    assert answer.headers["Content-Type"].startswith(kind)
    policy = dict(each.split(" ", 1) for each in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["form-action"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert answer.headers["Cache-Control"] == "no-cache"


def test_what_somebody_has_already_is_not_sent_again(edge: Edge) -> None:
    answer = edge.get("/console/console.js")
    assert edge.get("/console/console.js", If_None_Match=answer.headers["ETag"]).status == 304


def test_a_slash_at_the_end_leads_there_too(edge: Edge) -> None:
    head = edge.raw(b"GET /console/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").decode()
    assert head.startswith("HTTP/1.1 308 ")
    assert "\r\nLocation: /console\r\n" in head


def test_the_script_is_sent_compressed(edge: Edge) -> None:
    assert edge.get_packed("/console/console.js")["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(
    "path", ["/console/index.html", "/console/nowhere", "/consoles", "/console//", "/console/x/.."]
)
def test_no_other_address_leads_to_a_file(edge: Edge, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert edge.raw(request.encode()).startswith(b"HTTP/1.1 404 ")


def test_nothing_can_be_done_to_it_but_read_it(edge: Edge) -> None:
    assert edge.post("/console").status == 405


def test_it_is_where_all_apis_are(tmp_path: Path) -> None:
    ports = dict(zip(("user", "admin", "broker"), free_ports(3), strict=True))
    with running(tmp_path, APIS=" ".join(f"{api}={port}" for api, port in ports.items())) as edge:
        assert [Edge(port).get("/console").status for port in ports.values()] == [404] * 3
        assert edge.get("/console").status == 200


def test_there_is_little_script_and_none_from_elsewhere() -> None:
    assert sorted(file.name for file in BUILT.iterdir()) == sorted({name for name, _ in FILES.values()})
    assert script_bytes(BUILT) <= 80 * 1024
    found = {address for file in BUILT.iterdir() for address in ELSEWHERE.findall(file.read_text())}
    assert found <= NAMES
    page = (BUILT / "index.html").read_text()
    assert re.findall(r"<(?:script|style)(?![^>]*\bsrc=)[^>]*>|\s(?:on\w+|style)=", page) == []


def test_on_a_cluster_the_edge_has_every_file() -> None:
    [made] = load_all((ROOT / "deploy/nginx/kustomization.yaml").read_text())
    names = sorted(f"console/{file.name}" for file in BUILT.iterdir())
    assert [each for each in made["configMapGenerator"][0]["files"] if each.startswith("console/")] == names
    mounted = next(
        each for each in load_all((ROOT / "deploy/kubernetes/edge.yaml").read_text()) if "template" in each["spec"]
    )
    items = mounted["spec"]["template"]["spec"]["volumes"][0]["configMap"]["items"]
    assert [each["path"] for each in items if each["path"].startswith("console/")] == names


def test_what_it_is_made_of_is_locked_with_hashes_and_without_the_address_of_a_registry() -> None:
    packages = [each for path, each in json.loads(LOCK.read_text())["packages"].items() if path]
    without = [each for each in packages if not each.get("inBundle")]
    assert [each for each in without if not each["integrity"].startswith("sha512-") or "resolved" in each] == []
    assert len(packages) > 50

"""The account pages as the edge serves them."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
from typing_extensions import override

from provisioning.local_settings import ROOT
from tools.local.ports import free_ports
from tools.manifests.tests.edge_server import Edge, running
from tools.manifests.yaml_text import load_all

FOLDER: Final = ROOT / "deploy" / "nginx" / "app"
FILES: Final = sorted(FOLDER.iterdir())
PAGES: Final = [each for each in FILES if each.suffix == ".html"]
TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


def address_of(file: Path) -> str:
    return f"/app/{file.stem if file.suffix == '.html' else file.name}"


class Read(HTMLParser):
    """What a page has in it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(file.read_text())

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_is_served_as_what_it_is(edge: Edge, file: Path) -> None:
    answer = edge.get(address_of(file))
    assert (answer.status, answer.body) == (200, file.read_text())
    assert answer.headers["Content-Type"].startswith(TYPES[file.suffix])
    policy = dict(each.split(" ", 1) for each in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_done_to_a_page_but_read_it(edge: Edge, method: str) -> None:
    answer = edge.ask(method, "/app/log-in", {"Content-Length": "0"})
    assert (answer.status, answer.json["code"], answer.headers["Allow"]) == (405, "method_not_allowed", "GET, HEAD")
    assert edge.ask("HEAD", "/app/log-in").status == 200


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/app",
            "/app/",
            "/app/log-in/",
            "/app/log-in.html",
            "/app/nowhere",
            "/app/nowhere.js",
            "/log-in",
            "/app//log-in",
        ),
        *("/app/%6cog-in", "/app/../app/log-in", "/app/x/../log-in", "/app/..%2fnginx.conf", "/app/../nginx.conf"),
    ],
)
def test_no_other_address_leads_to_a_file(edge: Edge, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    head, _, body = edge.raw(request.encode()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert b'"route_not_found"' in body


def test_pages_are_where_the_user_api_is(tmp_path: Path) -> None:
    ports = dict(zip(("user", "admin", "broker"), free_ports(3), strict=True))
    with running(tmp_path, APIS=" ".join(f"{api}={port}" for api, port in ports.items())):
        found = {api: Edge(port).get("/app/log-in").status for api, port in ports.items()}
    assert found == {"user": 200, "admin": 404, "broker": 404}


def test_what_an_address_has_behind_a_question_mark_is_in_no_log(tmp_path: Path) -> None:
    with running(tmp_path) as edge:
        assert edge.get("/app/log-in?token=secret").status == 200
    assert "secret" not in (tmp_path / "output.log").read_text()


def test_on_a_cluster_the_edge_has_every_file() -> None:
    [made] = load_all((ROOT / "deploy/nginx/kustomization.yaml").read_text())
    names = [f"app/{file.name}" for file in FILES]
    assert [each for each in made["configMapGenerator"][0]["files"] if each.startswith("app/")] == names
    mounted = next(
        each for each in load_all((ROOT / "deploy/kubernetes/edge.yaml").read_text()) if "template" in each["spec"]
    )
    items = mounted["spec"]["template"]["spec"]["volumes"][0]["configMap"]["items"]
    assert [each["path"] for each in items if each["path"].startswith("app/")] == names


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_a_page_can_be_used_by_everybody(file: Path) -> None:
    page = Read(file)
    assert page.all("html") == [{"lang": "en"}]
    assert [len(page.all(tag)) for tag in ("title", "h1", "main", "nav", "header")] == [1] * 5
    labelled = {each["for"] for each in page.all("label")}
    assert {each["id"] for each in page.all("input")} == labelled
    assert all(each.get("autocomplete") for each in page.all("input"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    told = [each["aria-describedby"] for each in page.all("input") if "aria-describedby" in each]
    assert set(told) <= set(ids)
    assert {"id": "state", "role": "status", "tabindex": "-1"} in page.all("p")


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_a_page_has_no_script_or_style_in_it_and_none_from_elsewhere(file: Path) -> None:
    page = Read(file)
    assert page.all("style") == []
    assert [
        name for _, attributes in page.tags for name in attributes if name == "style" or name.startswith("on")
    ] == []
    linked = [each.get("src") or each.get("href") or "" for tag in ("script", "link", "a") for each in page.all(tag)]
    assert [each for each in linked if "/" in each] == []
    assert {each["method"] for each in page.all("form")} == {"post"}

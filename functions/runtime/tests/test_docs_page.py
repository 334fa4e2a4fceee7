"""The documentation page's files, without a browser."""

import json
import re

import pytest

from testing.clients import Api


@pytest.mark.parametrize("api_name", ["user", "admin", "broker"])
def test_each_api_shows_its_own_document(api: Api, api_name: str) -> None:
    client = getattr(api, api_name)
    page, document = client.get("/docs"), client.get("/openapi.json")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    paths = json.loads(document.text)["paths"]
    mine = {each.path for each in api.declarations if each.api == api_name}
    assert set(paths) == mine


def test_the_page_needs_nothing_from_elsewhere_and_runs_no_inline_script(api: Api) -> None:
    page = api.user.get("/docs")
    assert "http" not in page.text
    assert re.findall(r"<script(?! src=)", page.text) == []
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    for file in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert api.user.request("HEAD", f"/{file}").status_code == 200


def test_a_browser_that_has_a_file_is_told_so(api: Api) -> None:
    etag = api.user.get("/docs/swagger-ui.css").headers["ETag"]
    assert api.user.get("/docs/swagger-ui.css", headers={"If-None-Match": etag}).status_code == 304


def test_the_page_can_be_asked_for_with_a_slash_but_not_written_to(api: Api) -> None:
    moved = api.user.get("/docs/")
    assert (moved.status_code, moved.headers["Location"]) == (308, "../docs")
    refused = api.user.post("/docs", json={})
    assert (refused.status_code, refused.code, refused.headers["Allow"]) == (405, "method_not_allowed", "GET, HEAD")

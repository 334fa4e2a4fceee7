"""docs/events/ is a catalog: what happened, when, who produces it, who receives it, an example."""

import json
import re
from pathlib import Path

import pytest

from events import wire
from events.catalog.load import load
from events.contracts import contracts
from events.event import Event
from functions.runtime.functions import declarations
from tools.manifests import event_pages, files
from tools.manifests.producers import producers

EVERY = declarations()
MODELS = list(load().values())

every_type = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.type)


@every_type
def test_a_page_says_what_happened_and_when_and_of_every_field_what_it_is(model: type[Event]) -> None:
    assert re.fullmatch(r"[A-Z].*[.]", event_pages.what(model))
    assert re.fullmatch(r"[A-Z].*[.]", event_pages.when(model)), f"{model.__name__}: the docstring doesn't say when"
    undescribed = [name for name, about in contracts.schema(model)["properties"].items() if "description" not in about]
    assert undescribed == []


@every_type
def test_a_page_names_who_says_it_and_who_receives_it(model: type[Event]) -> None:
    page = event_pages.page(model, EVERY)
    assert producers(model), f"nobody says {model.type}"
    for file in producers(model):
        assert f"](../../{file})" in page
    for consumer in (each for each in EVERY if model.type in each.event_types):
        assert f"`{consumer.name}`" in page
        assert f"`botberi.{consumer.deployment}`" in page


@every_type
def test_the_example_of_a_page_is_a_whole_event(model: type[Event]) -> None:
    [example] = re.findall(r"```json\n(.*?)```", event_pages.page(model, EVERY), re.DOTALL)
    event = wire.decode(example.encode())
    assert (event.type, json.loads(example)) == (model.type, contracts.example(model))


def test_the_index_leads_to_every_page_and_a_page_of_no_type_is_removed(tmp_path: Path) -> None:
    files.write(tmp_path)
    index = (tmp_path / event_pages.INDEX).read_text()
    assert all(f"]({model.type}.md)" in index for model in MODELS)
    gone = tmp_path / event_pages.FOLDER / "com.botberi.thing.gone.v1.md"
    gone.write_text("It is no more.")
    assert files.write(tmp_path) == [gone.relative_to(tmp_path)]
    assert not gone.exists()

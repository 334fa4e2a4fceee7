"""What an agent writes is told without its instance's secrets."""

import pytest

from functions.domain.instances.contexts import Context
from functions.services.agent_host.masking import masked
from functions.services.agent_host.tests.contexts import a_context

SECRET = "sk-live \u00fc'quoted'"


@pytest.fixture
def context() -> Context:
    deep = {"list": ["open text", {"pin": 481516}]}
    config = {"key": SECRET, "deep": deep, "pem": "BEGIN\nline of it\nEND", "x": "ab"}
    return a_context(config=config, secret_places=("/key", "/deep/list/1", "/pem", "/x"))


@pytest.mark.parametrize(
    "text", [SECRET, repr(SECRET), "sk-live \\u00fc'quoted'", "481516", "line of it", "BEGIN", "BEGIN\nline of it\nEND"]
)
def test_a_secret_is_masked_in_every_form_it_is_written_in(context: Context, text: str) -> None:
    [told] = masked([f"ValueError: {text} is wrong"], context)
    assert text not in told
    assert "********" in told
    assert told.startswith("ValueError: ")


@pytest.mark.parametrize("text", ["open text", "ab", "an ordinary line"])
def test_what_is_no_secret_or_too_short_to_be_told_from_text_stays(context: Context, text: str) -> None:
    assert masked([text], context) == (text,)

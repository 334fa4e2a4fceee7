import pytest

from events import signing
from functions.runtime.functions import declarations
from functions.runtime.providers.callers import Guard
from tools.attack import probes
from tools.attack.__main__ import report
from tools.attack.probes import Probe
from tools.attack.spellings import spellings

EVERY = declarations()
GUARDED = {each.name for each in EVERY if each.parameter(Guard)}


def test_every_function_is_attacked() -> None:
    assert {each.who for each in probes.misspelt(EVERY)} == {each.name for each in EVERY}
    assert {each.who for each in probes.uninvited(EVERY, {"a garbled": "x"})} == GUARDED
    assert {each.who for each in probes.unentitled(EVERY, {"user": "x", "admin": "y"})} == GUARDED


@pytest.mark.usefixtures("env")
@pytest.mark.parametrize("wrong", ["signed too long ago", "signed for another function"])
def test_nothing_is_wrong_with_a_forged_delivery_but_what_it_is_for(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {each.deployment: each.signing_keys for each in declarations(["subscribers"]) if each.signing_keys}
    forged = [each for each in probes.delivered(EVERY, "{name}") if each.group == f"delivery, {wrong}"]
    assert {each.target for each in forged} == keys.keys()
    monkeypatch.setattr(signing, "TOLERANCE", 1_000_000)
    for each in forged:
        function = "another" if "another" in wrong else each.target
        signing.verify(signing.Keys(keys[each.target]).current(), function, each.headers, each.body or b"")


def test_no_spelling_is_the_address_itself() -> None:
    for address in ("/v1/agents", "/function/record-audit", "/v1/instances/ins_1/events"):
        found = list(spellings(address, by="/v1/auth/logout"))
        assert address not in found
        assert len(found) == len(set(found))


@pytest.mark.parametrize(("status", "exit_code"), [(404, 0), (200, 1), (401, 1), (500, 1)])
def test_what_is_answered_otherwise_than_it_should_be_was_let_through(
    capsys: pytest.CaptureFixture[str], status: int, exit_code: int
) -> None:
    probe = Probe("other spellings of an address", "login", "POST", "//v1/auth/login", probes.NO_ADDRESS)
    assert report([(probe, 404), (probe, status)]) == exit_code
    assert ("//v1/auth/login was answered" in capsys.readouterr().out) == bool(exit_code)

from provisioning.local_settings import ROOT
from testing.schedule import LONGEST, TOGETHER, Spans


def test_what_is_named_is_there() -> None:
    assert [each for each in (*LONGEST, *TOGETHER, *TOGETHER.values()) if not (ROOT / each).exists()] == []


def test_a_run_tells_what_ended_last_and_how_long_others_waited_for_it() -> None:
    part, unit = next(iter(TOGETHER.items()))
    spans = Spans()
    spans.note("gw0", "a.py", 10, 20)
    spans.note("gw1", "b.py", 10, 15)
    spans.note("gw1", f"{part}c.py", 15, 18)
    spans.note("gw1", f"{part}d.py", 18, 32)
    assert spans.end() == f"The last was {unit}, after 17 s; the other workers had waited for 12 s in all."

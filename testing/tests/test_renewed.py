"""An environment that is made anew has nothing of what was anchored before: its chains begin at their first entry."""

from testing.environment import Environment


def test_what_was_anchored_is_gone(env: Environment) -> None:
    env.anchors.mkdir(exist_ok=True)
    (env.anchors / "left").touch()
    env.renew()
    assert not env.anchors.exists()

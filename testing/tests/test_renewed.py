"""An environment that is made anew has nothing of what its old databases told of: no anchors, and no bundles."""

from testing.environment import Environment


def test_what_was_kept_is_gone(env: Environment) -> None:
    for place in (env.anchors, env.objects):
        place.mkdir(exist_ok=True)
        (place / "left").touch()
    env.renew()
    assert not env.anchors.exists()
    assert not env.objects.exists()

"""Fixtures for all tests; they are made in testing/."""

pytest_plugins = ["testing.plugin", "testing.instances", "testing.runners", "testing.event_path", "testing.schedule"]

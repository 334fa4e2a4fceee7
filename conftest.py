"""Fixtures for all tests; they are made in functions/local/testing."""

pytest_plugins = ["functions.local.testing.plugin"]

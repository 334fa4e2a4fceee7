"""What both databases need so that a relay can keep when its last probe came back and how long that took."""

from typing import Final

UPGRADE: Final = """
alter table relay_cursor add column probed timestamptz;
alter table relay_cursor add column probe_seconds float8;
"""

DOWNGRADE: Final = """
alter table relay_cursor drop column probed;
alter table relay_cursor drop column probe_seconds;
"""

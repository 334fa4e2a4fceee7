"""What YAML and JSON hold, in the one type that lets values be read by their keys."""

from typing import Any

Document = dict[str, Any]

"""Labels: words by which their owners sort instances, and find them again."""

from collections.abc import Mapping
from typing import Final

from functions.domain.api_errors import FieldError, Invalid

KEY: Final = r"^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$"
VALUE: Final = r"^[A-Za-z0-9._-]{0,63}$"
LIMIT: Final = 32
"""Labels of one instance."""

SELECTOR: Final = r"^[a-z0-9._/-]{1,63}=[A-Za-z0-9._-]{0,63}(,[a-z0-9._/-]{1,63}=[A-Za-z0-9._-]{0,63}){0,9}$"
"""Pairs of `key=value` with commas, all of which have to fit."""


class LabelsInvalid(Invalid):
    """There are more labels than an instance may have."""


def check(labels: Mapping[str, str]) -> None:
    """Refuse more labels than an instance may have. Raises LabelsInvalid."""
    if len(labels) > LIMIT:
        raise LabelsInvalid(errors=[FieldError("/labels", "too_many", f"An instance has {LIMIT} labels at most.")])


def selected(selector: str) -> dict[str, str]:
    """Return the labels that a selector asks for; of a key that it names twice, the last."""
    return dict(pair.split("=", 1) for pair in selector.split(","))

"""The figures as a picture: how far each is from what it must reach, on a logarithmic scale, as plain SVG."""

import math
from collections.abc import Sequence
from typing import Final

from tools.bench.events.report import number, verdict
from tools.bench.events.rows import ROWS, Row, Sample

_LEFT: Final = 400
_WIDTH: Final = 420
_RIGHT: Final = 190
_LINE: Final = 30
_TOP: Final = 64
_SPAN: Final = 5.0
"""The scale goes from 1/_SPAN to _SPAN times what must be reached."""

_COLOURS: Final = {"aim": "#1a7f37", "ok": "#0969da", "SHORT": "#cf222e"}

_STYLE: Final = "font: 13px system-ui, sans-serif; fill: #1f2328"


def svg(samples: Sequence[Sample], where: str) -> str:
    """Return the picture: a dot for the median, a line for the range, the must in the middle."""
    rows = [row for row in ROWS if row.values(samples) and row.must]
    width, height = _LEFT + _WIDTH + _RIGHT, _TOP + _LINE * len(rows) + 46
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(16, 24, "The event path: figures against what they must reach", weight="600"),
        _text(16, 44, where, size=11, colour="#59636e"),
        *_scale(height),
    ]
    for index, row in enumerate(rows):
        parts += _row(row, samples, _TOP + _LINE * index + _LINE // 2)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _scale(height: int) -> list[str]:
    parts = []
    for factor in (1 / _SPAN, 0.5, 1.0, 2.0, _SPAN):
        x = _place(factor)
        colour, dash = ("#1f2328", "") if factor == 1 else ("#d1d9e0", ' stroke-dasharray="3 3"')
        parts.append(f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{height - 40}" stroke="{colour}"{dash}/>')
        label = "must" if factor == 1 else f"{number(factor)}x"
        parts.append(_text(x, height - 24, label, size=11, anchor="middle"))
    parts.append(_text(_LEFT + _WIDTH / 2, height - 8, "worse ← → better", size=11, anchor="middle", colour="#59636e"))
    return parts


def _row(row: Row, samples: Sequence[Sample], y: int) -> list[str]:
    values = row.values(samples)
    figure = row.figure(values)
    colour = _COLOURS[verdict(row, figure)]
    ends = sorted(_place(_goodness(row, value)) for value in (values[0], values[-1]))
    parts = [
        _text(_LEFT - 16, y + 4, row.title, anchor="end"),
        f'<line x1="{ends[0]}" y1="{y}" x2="{ends[1]}" y2="{y}" stroke="{colour}" stroke-width="3" opacity="0.4"/>',
        f'<circle cx="{_place(_goodness(row, figure))}" cy="{y}" r="5" fill="{colour}"/>',
    ]
    if row.aim is not None:
        x = _place(_goodness(row, row.aim))
        parts.append(f'<line x1="{x}" y1="{y - 8}" x2="{x}" y2="{y + 8}" stroke="#1a7f37" stroke-width="2"/>')
    sign = "≥" if row.more_is_better else "≤"
    told = f"{number(figure)} {row.unit}".strip() + f"  ({sign} {number(row.must)})"
    return [*parts, _text(_LEFT + _WIDTH + 16, y + 4, told)]


def _goodness(row: Row, value: float) -> float:
    if value <= 0:
        return 1 / _SPAN if row.more_is_better else _SPAN
    return value / row.must if row.more_is_better else row.must / value


def _place(factor: float) -> float:
    bounded = min(max(factor, 1 / _SPAN), _SPAN)
    return round(_LEFT + _WIDTH / 2 + _WIDTH / 2 * math.log(bounded) / math.log(_SPAN), 1)


def _text(  # noqa: PLR0913 - the attributes of a text
    x: float, y: float, text: str, *, size: int = 13, anchor: str = "start", weight: str = "400", colour: str = ""
) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    style = f"{_STYLE}; font-size: {size}px; font-weight: {weight}" + (f"; fill: {colour}" if colour else "")
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" style="{style}">{escaped}</text>'

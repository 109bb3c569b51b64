"""The surface that every figure is drawn on: size, style, colours as CSS variables, and clean inline SVG."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_PX = 500
HEIGHT_PX = 232
_MARGIN_PX = {"left": 58, "right": 22, "top": 12, "bottom": 30}
FONT_PX = 12

INK, GRID, BAND = "#5f6b76", "#d9dde1", "#8b95a1"
TARGET, ALARM, OK = "#4a5058", "#c23b12", "#1b8a6b"
SERIES: tuple[str, ...] = ("#0a6fb0", "#d98a00", "#8a4fa3", "#108a72", "#b5527f", "#3fa3d9")
"""Told apart by people with any colour vision (after Okabe and Ito, darkened for thin lines on white)."""

_VARIABLES: dict[str, str] = {
    INK: "--fig-ink",
    GRID: "--fig-grid",
    BAND: "--fig-band",
    TARGET: "--fig-target",
    ALARM: "--fig-alarm",
    OK: "--fig-ok",
    **{colour: f"--fig-s{number}" for number, colour in enumerate(SERIES, start=1)},
}
"""Matplotlib draws with fixed colours; in the SVG each becomes a CSS variable, so that one figure serves light,
dark and print."""

Mark = Literal["line", "soft", "dashed", "dotted", "band", "cross", "triangle", "arrow", "bar"]


@dataclass(frozen=True)
class LegendItem:
    """One entry of a legend. ``colour`` is one of this module's; ``mark`` is how the thing looks in the figure."""

    label: str
    colour: str
    mark: Mark

    @property
    def variable(self) -> str:
        """The CSS variable of the colour."""
        return _VARIABLES[self.colour]


@dataclass(frozen=True)
class Figure:
    """A figure of the report. ``svg`` None: there was nothing to draw, and ``note`` says what is missing.

    ``note`` is the line under the title (units, aggregation); ``described`` says in words what the figure shows.
    """

    key: str
    title: str
    note: str
    described: str
    svg: Markup | None
    legend: tuple[LegendItem, ...] = ()


def no_data(key: str, title: str, why: str) -> Figure:
    """The figure's place when its evidence is missing or empty."""
    return Figure(key, title, why, f"No data: {why}", None)


def draw(key: str, described: str, paint: Callable[[Axes], None], height_px: int = HEIGHT_PX) -> Markup:
    """The SVG that ``paint`` draws on fresh axes. ``key`` must be unique in the page: it makes the ids unique.

    Equal drawings give equal bytes. All margins are fixed: text is set by the browser, in the page's own font, so
    measuring it here would say nothing.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Sheet

    with mpl.rc_context(_style(key)):
        sheet = Sheet(figsize=(WIDTH_PX / 72, height_px / 72), dpi=72)
        FigureCanvasSVG(sheet)
        axes = sheet.add_axes(_frame(height_px))
        axes.grid(visible=True, axis="y")
        axes.set_axisbelow(True)
        paint(axes)
        target = io.StringIO()
        sheet.savefig(target, format="svg", transparent=True, metadata={"Date": None})
    return _inline(target.getvalue(), key, described)


def _frame(height_px: int) -> tuple[float, float, float, float]:
    left, bottom = _MARGIN_PX["left"] / WIDTH_PX, _MARGIN_PX["bottom"] / height_px
    right, top = 1 - _MARGIN_PX["right"] / WIDTH_PX, 1 - _MARGIN_PX["top"] / height_px
    return left, bottom, right - left, top - bottom


def _style(key: str) -> Any:
    """Matplotlib's parameters; its own bundled font, so that every machine draws the same bytes."""
    return {
        "font.family": ["DejaVu Sans"],
        "font.size": FONT_PX,
        "svg.fonttype": "none",
        "svg.hashsalt": key,
        "text.parse_math": False,
        "axes.edgecolor": BAND,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.labelcolor": INK,
        "axes.unicode_minus": True,
        "axes.xmargin": 0.0,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "text.color": INK,
        "xtick.color": BAND,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.major.size": 3.5,
        "ytick.major.size": 0,
        "xtick.minor.size": 0,
        "ytick.minor.size": 0,
        "ytick.major.pad": 6,
        "lines.solid_joinstyle": "round",
        "path.simplify": True,
        "path.simplify_threshold": 0.15,
    }


_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_STYLE = re.compile(r"<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
"""Matplotlib's style element has a rule for ``*``, which inside of a page would hit everything else, too."""
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_PATH = re.compile(r'(?<=\bd=")[^"]*')
_TEXT_FONT = re.compile(r'(?<=style=")([^"]*?)font(?:-size|-family)?: [^;"]*;?\s*')
_ID = re.compile(r'\sid="([^"]*)"')
_TEXT_TRANSFORM = re.compile(r'(<text [^>]*?)\s*transform="rotate\(-0 [^"]*\)"')


def _inline(document: str, key: str, described: str) -> Markup:
    """A matplotlib SVG file as an element of an HTML page: no prolog, no metadata, ids of its own, page fonts."""
    body = document[document.index("<svg") :]
    body = _STYLE.sub("", _COMMENT.sub("", _METADATA.sub("", body)))
    body = body[body.index(">") + 1 :]
    body = body.replace("xlink:href", "href")
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    body = _ID.sub(lambda match: f' id="{key}-{match[1]}"' if match[1] in used else "", body)
    body = re.sub(r'(href="#|url\(#)', rf"\g<1>{key}-", body)
    body = _PATH.sub(lambda match: _NUMBER.sub(lambda n: f"{float(n[0]):.1f}", match[0]).replace("\n", ""), body)
    body = _TEXT_TRANSFORM.sub(r"\1", body)
    while _TEXT_FONT.search(body):
        body = _TEXT_FONT.sub(r"\1", body)
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    body = re.sub(r"\n\s*", "\n", body)
    size = re.search(r'viewBox="([^"]*)"', document)
    box = size[1] if size else f"0 0 {WIDTH_PX} {HEIGHT_PX}"
    opening = f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" role="img" viewBox="{box}" aria-label="'
    return Markup(opening) + escape(described) + Markup('">') + Markup(body)

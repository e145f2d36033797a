"""Colours and hatching of behaviours and clusters, and how a figure is saved."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from ssl_behavior.storage.atomic import replacing

# Okabe and Ito 2008, "Color Universal Design", with its green darkened, so that the first three differ in lightness.
COLOURS = ("#D55E00", "#56B4E9", "#005B45", "#F0E442", "#0072B2", "#CC79A7", "#E69F00")


# Paul Tol's "muted" scheme, then his "light" one (https://personal.sron.nl/~pault): the colour-blind can tell nine
# apart; beyond them there is the number that stands on the map.
CLUSTER_COLOURS = (
    *("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499"),
    *("#77AADD", "#EE8866", "#EEDD88", "#FFAABB", "#99DDFF", "#BBCC33", "#AAAA00"),
)


NOISE_COLOUR = "#D0D0D0"


HATCHES = ("", "////", "....", "xxxx", "++++", "oo")


OTHER_COLOUR = "#BDBDBD"


UNSCORED_COLOUR = "#F4F4F4"


DPI = 150


def styles(behaviours: Sequence[str]) -> list[tuple[str, str]]:
    """(colour, hatch) per behaviour; ``other`` is grey. Colours repeat after seven, told apart by hatching."""
    found = []
    for place, name in enumerate(name for name in behaviours if name.lower() != "other"):
        found.append((name, (COLOURS[place % len(COLOURS)], HATCHES[place // len(COLOURS) % len(HATCHES)])))
    known = dict(found)
    return [known.get(name, (OTHER_COLOUR, "")) for name in behaviours]


def cluster_colours(count: int) -> list[str]:
    """A colour per cluster, repeated after sixteen, and at last (at -1) that of noise."""
    return [CLUSTER_COLOURS[number % len(CLUSTER_COLOURS)] for number in range(count)] + [NOISE_COLOUR]


class Picture(Figure):
    """A figure that a notebook shows without pyplot, which would keep it in memory and show it twice."""

    def _repr_png_(self) -> bytes:
        with BytesIO() as file:
            FigureCanvasAgg(self).print_png(file)
            return file.getvalue()


def without_formulas(figure: Figure) -> None:
    """Show names as they are written: a dollar or a backslash in them begins no formula."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)


def shorten(name: str, longest: int = 32) -> str:
    """A name that leaves room for the picture beside it."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure, whose suffix says the format, without pyplot: no window, no state shared with a notebook."""
    path = Path(path)
    FigureCanvasAgg(figure)
    without_formulas(figure)
    options: dict[str, Any] = {"metadata": {"Software": None}} if path.suffix == ".png" else {}
    with replacing(path) as aside:
        figure.savefig(aside, format=path.suffix.removeprefix("."), **options)
    return path

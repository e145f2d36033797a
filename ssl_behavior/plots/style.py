"""Colours and hatching of behaviours and clusters, and how a figure is saved."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from ssl_behavior.storage.atomic import write_atomically

# Okabe and Ito 2008, "Color Universal Design", with its green darkened, so that the first three differ in lightness.
COLOURS = ("#D55E00", "#56B4E9", "#005B45", "#F0E442", "#0072B2", "#CC79A7", "#E69F00")


# Paul Tol's "muted" scheme, then his "light" one (https://personal.sron.nl/~pault). Colour-blind readers can tell nine
# colours apart; with more clusters they rely on the numbers drawn on the map.
CLUSTER_COLOURS = (
    *("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499"),
    *("#77AADD", "#EE8866", "#EEDD88", "#FFAABB", "#99DDFF", "#BBCC33", "#AAAA00"),
)


# Grey means that nobody judged a frame, or that a point is in no cluster. No behaviour is grey.
UNSCORED_COLOUR = "#D0D0D0"


NOISE_COLOUR = UNSCORED_COLOUR


# ``other`` covers most of many videos. A pale cream stays in the background, and is lighter than grey and yellower, so
# that colour-blind readers do not take it for unscored frames.
OTHER_COLOUR = "#EFE3C8"


# The agent, the target, and further individuals.
INDIVIDUAL_COLOURS = ("#D55E00", "#0072B2", "#005B45", "#CC79A7", "#E69F00", "#56B4E9")


HATCHES = ("", "////", "....", "xxxx", "++++", "oo")


DPI = 150


def styles(behaviours: Sequence[str]) -> list[tuple[str, str]]:
    """Choose a colour and a hatch for each behaviour.

    A behaviour's style depends on its position among the others. Pictures of one run agree if each passes the whole
    vocabulary of the run, the behaviours of several channels one after another.

    Args:
        behaviours: names, each once.

    Returns:
        (colour, hatch) per behaviour; ``other`` is cream. Colours repeat after seven, with another hatch.

    Examples:
        >>> styles(("attack", "other"))
        [('#D55E00', ''), ('#EFE3C8', '')]
    """
    chosen = {}
    for position, name in enumerate(name for name in behaviours if name.lower() != "other"):
        chosen[name] = (COLOURS[position % len(COLOURS)], HATCHES[position // len(COLOURS) % len(HATCHES)])
    return [chosen.get(name, (OTHER_COLOUR, "")) for name in behaviours]


def cluster_colours(count: int) -> list[str]:
    """A colour per cluster, repeated after sixteen, and as the last entry (index -1, as noise is numbered) grey."""
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
    """Write a figure to a file, whose suffix chooses the format.

    It does not use pyplot, which would open windows and share state with a notebook.
    """
    path = Path(path)
    FigureCanvasAgg(figure)
    without_formulas(figure)
    options: dict[str, Any] = {"metadata": {"Software": None}} if path.suffix == ".png" else {}
    # A name in a script that the font lacks is drawn as boxes, and is whole in every table.
    with write_atomically(path) as aside, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(aside, format=path.suffix.removeprefix("."), **options)
    return path

"""What all pictures share: figures without global state, one look, the same bytes for the same input.

matplotlib is an extra and is imported when the first picture is drawn. Nothing here touches pyplot, so pictures
may be drawn in any thread and none stays open.
"""

from __future__ import annotations

import contextlib
import io
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from appanalytics.errors import SettingsError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FAMILY = "DejaVu Sans"  # comes with matplotlib and has Cyrillic
DPI = 100
INK, MUTED, GRID, FAINT = "#1f2933", "#66727f", "#e4e8ec", "#b3bcc6"
GOOD, BAD = "#1a8a4a", "#c92a3a"
#: Eight colours that colour-blind readers can tell apart (Okabe and Ito 2008, darkened for thin lines).
PALETTE = ("#0b6fb8", "#d55e00", "#009e73", "#b0478c", "#c98f00", "#3fa0d8", "#7a5230", "#555b63")


def new_figure(width: int, height: int) -> Figure:
    """A blank white figure of that many pixels; notebooks show it as it is.

    Raises `SettingsError` when matplotlib is not installed.
    """
    figure: Figure = _figure_class()(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    return figure


def head(figure: Figure, text: str, *, y: float, size: float, x: float = 0.02) -> None:
    """The bold line over a picture; ``x`` and ``y`` are fractions of the figure, the text's left middle."""
    figure.text(x, y, drawable(text), size=size, weight="bold", color=INK, family=FAMILY, va="center")


def png(figure: Figure) -> bytes:
    """The figure as a PNG of 256 colours, a third of the bytes that all colours need.

    No time stamp and no version are in it, so equal figures give equal bytes.
    """
    from PIL import Image

    full, held = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png", dpi=DPI, metadata={"Software": None})
    with Image.open(full) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(held, format="png", optimize=True)
    return held.getvalue()


def drawable(text: str) -> str:
    """The text without what the font cannot show (emoji), and with dollars that do not begin a formula."""
    shown = "".join(character for character in text if character == "\n" or _has_glyph(character))
    return shown.strip().replace("$", r"\$")


def clean(axes: Any, *, size: float) -> None:
    """Our look: no frame, faint horizontal lines, tick labels of ``size`` points."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=size, labelcolor=MUTED, labelfontfamily=FAMILY)
    axes.set_facecolor("white")


def import_early() -> None:
    """Begin to import matplotlib, which takes most of a second, while the engine computes what will be drawn.

    Once the warehouse is open: until then Python itself is busy, and nothing would be gained.
    """
    threading.Thread(target=_import_quietly, name="import-matplotlib", daemon=True).start()


def _import_quietly() -> None:
    with contextlib.suppress(SettingsError):  # told by who draws
        _figure_class()
        _has_glyph("a")  # looks for the font
        import matplotlib.dates  # noqa: F401
        from PIL import Image, PngImagePlugin  # noqa: F401


@cache
def _figure_class() -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SettingsError(
            f"pictures need matplotlib ({error})", hint="pip install 'appanalytics[pictures]'"
        ) from None

    class Picture(Figure):
        """A figure with a canvas of its own that notebooks show without pyplot."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            FigureCanvasAgg(self)

        def _repr_png_(self) -> bytes:
            return png(self)

    return Picture


@cache
def _has_glyph(character: str) -> bool:
    from matplotlib.font_manager import findfont, get_font

    return bool(get_font(findfont(FAMILY)).get_char_index(ord(character)))

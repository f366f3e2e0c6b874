"""How plots look, and their files. matplotlib is imported where it draws: everything else does without."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from avi_env.whole_file import whole_file

__all__ = ["BAND", "FAINT", "INK", "OTHER", "OURS", "THIRD", "draw_figures", "matplotlib_or_error"]

INK, FAINT, BAND = "#22252b", "#8b93a1", "#dfe7f1"
"""Of text and axes, of what is less important, of areas."""
OURS, OTHER, THIRD = "#1f6fb2", "#d1603d", "#3f9b6c"
"""Of curves."""

_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "avi-env",  # the same report draws the same bytes
    "font.family": "sans-serif",
    "font.size": 10.0,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 11.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e9ecf0",
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9.0,
}


def matplotlib_or_error() -> None:
    """Checks that plots can be drawn.

    Raises:
        ImportError: matplotlib is not installed; the message says how to.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError('plots need matplotlib: pip install "avi-env[bench]"')


def draw_figures(
    plots: Mapping[str, tuple[str, Callable[[Any, dict[str, Any]], None]]], series: dict[str, Any], folder: Path
) -> tuple[str, ...]:
    """Writes the plots whose series there are; returns the files' names.

    Args:
        plots: file name -> (name of the series it needs, function that draws all series on a figure).
        series: curves by name.
        folder: where the files go.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: the folder is not there or closed.
    """
    matplotlib_or_error()
    import matplotlib
    from matplotlib.figure import Figure

    written = []
    with matplotlib.rc_context(_STYLE):
        for name, (needed, draw) in plots.items():
            if needed not in series:
                continue
            figure = Figure(layout="constrained", facecolor="white")
            draw(figure, series)
            with whole_file(folder / name) as part:
                figure.savefig(part, metadata={"Date": None})
            written.append(name)
    return tuple(written)

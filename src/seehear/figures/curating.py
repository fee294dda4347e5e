"""The figure of a data set: what is heard, what stands out, where it is and how it moves (ViSAGe, figure 8)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import MaxNLocator

from seehear.figures.explaining import FAINT, MUTED, PALETTE, STYLE, shown
from seehear.types import FloatArray

MOST_BARS = 50
MOST_TRACKS = 1000
"""As many as the paper draws; of more, evenly picked ones."""
SIZE_INCHES = (12.4, 9.0)


def data_set_figure(
    tags: Mapping[str, int],
    objects: Mapping[str, int],
    centres: FloatArray,
    tracks: Sequence[FloatArray],
    *,
    title: str,
    aspect: float = 1.0,
    dpi: int = 110,
) -> bytes:
    """PNG bytes: counts of ``tags`` and ``objects`` (most frequent first), ``centres`` (N, 2) and ``tracks`` (F, 2 each; NaN is a
    gap) in shares of the picture's width and height, from the top left; ``aspect`` is its height over its width."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=SIZE_INCHES, dpi=dpi)
        FigureCanvasAgg(figure)
        figure.text(0.065, 0.955, shown(title), fontsize=15, fontweight="bold", parse_math=False)
        figure.text(0.985, 0.955, "seehear", fontsize=12, color=MUTED, ha="right")
        bars = GridSpec(1, 2, figure=figure, wspace=0.14, width_ratios=_widths(len(tags), len(objects)))
        bars.update(left=0.065, right=0.985, top=0.89, bottom=0.66)
        fields = GridSpec(1, 2, figure=figure, wspace=0.14)
        fields.update(left=0.065, right=0.985, top=0.475, bottom=0.05)
        _draw_counts(figure.add_subplot(bars[0, 0]), tags, "(a) what is heard", PALETTE[0])
        _draw_counts(figure.add_subplot(bars[0, 1]), objects, "(b) what stands out", PALETTE[1])
        _draw_centres(figure.add_subplot(fields[0, 0]), centres, aspect)
        _draw_tracks(figure.add_subplot(fields[0, 1]), tracks, aspect)
        png = io.BytesIO()
        # No software tag: the same data set gives the same bytes.
        figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()


def _widths(n_left: int, n_right: int) -> tuple[float, float]:
    """Shares of the width by the number of bars, neither less than a third."""
    left, right = min(n_left, MOST_BARS), min(n_right, MOST_BARS)
    share = float(np.clip(left / max(left + right, 1), 1 / 3, 2 / 3))
    return share, 1 - share


def _draw_counts(axes: Axes, counts: Mapping[str, int], title: str, colour: str) -> None:
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_BARS]
    axes.bar(range(len(top)), [n for _, n in top], color=[FAINT if name == "unknown" else colour for name, _ in top], width=0.72)
    size = 8.5 if len(top) <= 30 else 6.5
    names = [name if len(name) <= 22 else name[:21] + "…" for name, _ in top]
    axes.set_xticks(range(len(top)), names, rotation=90, fontsize=size, parse_math=False)
    axes.set_xlim(-0.7, max(len(top), 4) - 0.3)
    axes.set_ylim(0, 1.05 * max([1, *counts.values()]))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.tick_params(length=0)
    more = f", the first {MOST_BARS} of {len(counts)}" if len(counts) > MOST_BARS else ""
    axes.set_title(title + more, loc="left")
    axes.set_ylabel("clips")
    axes.grid(axis="y", color=FAINT, linewidth=0.4, alpha=0.5)
    axes.set_axisbelow(True)


def _draw_centres(axes: Axes, centres: FloatArray, aspect: float) -> None:
    _frame(axes, aspect, f"(c) where it is: middle of its box, {len(centres)} clips")
    if len(centres):
        alpha = float(np.clip(12 / np.sqrt(len(centres)), 0.15, 0.9))
        axes.scatter(centres[:, 0], centres[:, 1], s=16, color=PALETTE[2], alpha=alpha, linewidths=0)


def _draw_tracks(axes: Axes, tracks: Sequence[FloatArray], aspect: float) -> None:
    picked = [tracks[i] for i in np.unique(np.linspace(0, len(tracks) - 1, min(len(tracks), MOST_TRACKS)).round().astype(int))]
    of_all = f"{len(picked)} of {len(tracks)}" if len(picked) < len(tracks) else f"{len(tracks)}"
    _frame(axes, aspect, f"(d) how it moves: {of_all} tracks of that point")
    colours = [PALETTE[i % len(PALETTE)] for i in range(len(picked))]
    alpha = float(np.clip(12 / np.sqrt(max(len(picked), 1)), 0.15, 0.9))
    axes.add_collection(LineCollection([np.asarray(track) for track in picked], colors=colours, linewidths=1.1, alpha=alpha))
    ends = [track[np.flatnonzero(np.isfinite(track).all(axis=1))[-1]] for track in picked if np.isfinite(track).all(axis=1).any()]
    if ends:
        axes.scatter(*np.array(ends).T, s=7, color=colours[: len(ends)], alpha=alpha, linewidths=0, zorder=3)


def _frame(axes: Axes, aspect: float, title: str) -> None:
    """The picture: x to the right, y down, with the middle marked."""
    axes.set_xlim(0, 1)
    axes.set_ylim(1, 0)
    axes.set_aspect(aspect)
    axes.axhline(0.5, color=FAINT, linewidth=0.5)
    axes.axvline(0.5, color=FAINT, linewidth=0.5)
    axes.set_xticks([0, 0.5, 1], ["left", "middle", "right"])
    for label, side in zip(axes.get_xticklabels(), ("left", "center", "right"), strict=True):
        label.set_horizontalalignment(side)  # inside the frame: no collision with "bottom", nor with the next panel
    axes.set_yticks([0, 0.5, 1], ["top", "middle", "bottom"])
    axes.tick_params(length=0)
    axes.set_title(title, loc="left")

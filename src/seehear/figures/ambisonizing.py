"""The figure of a sound field that a model made of a video: what stood out in it, every channel, and where sound comes from."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import degrees

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from numpy.typing import NDArray

from seehear.figures.explaining import INK, MUTED, PANEL, PAPER, STYLE, draw_energy, shown
from seehear.figures.inspecting import draw_directions, draw_spectrograms
from seehear.figures.measuring import spectrogram
from seehear.types import Direction, Image, Sound

SIZE_INCHES = (12.4, 12.2)
CAMERA = "#4dc3ff"


@dataclass(frozen=True)
class SeenFrame:
    """A frame of the video, and what the model was told stands out in it."""

    time_s: float
    frame: Image
    energy: NDArray[np.float32]
    """(h, w) of the patches, from the top left, with sum 1."""


def ambisonized(seen: Sequence[SeenFrame], field: Sound, direction: Direction, *, title: str, dpi: int = 110) -> bytes:
    """PNG bytes: frames with the energy of their patches, spectrograms of W, Y, Z and X of ``field`` (ACN, SN3D), and where its
    energy comes from: over time, and over all of it beside the ``direction`` of the camera."""
    found = spectrogram(field, 4)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=SIZE_INCHES, dpi=dpi)
        FigureCanvasAgg(figure)
        figure.text(0.065, 0.968, shown(title), fontsize=15, fontweight="bold", parse_math=False)
        figure.text(0.985, 0.968, "seehear", fontsize=12, color=MUTED, ha="right")
        strip = GridSpec(1, len(seen), figure=figure, wspace=0.06)
        strip.update(left=0.065, right=0.985, top=0.925, bottom=0.775)
        _draw_frames([figure.add_subplot(strip[i]) for i in range(len(seen))], seen)
        rows = GridSpec(4, 1, figure=figure, hspace=0.08)
        rows.update(left=0.065, right=0.9, top=0.745, bottom=0.385)
        draw_spectrograms([figure.add_subplot(rows[i]) for i in range(4)], field, found)
        moments = GridSpec(2, 1, figure=figure, hspace=0.12, height_ratios=(1.6, 1))
        moments.update(left=0.065, right=0.52, top=0.31, bottom=0.045)
        draw_directions([figure.add_subplot(moments[i]) for i in range(2)], field, found)
        whole = GridSpec(1, 1, figure=figure)
        whole.update(left=0.6, right=0.955, top=0.31, bottom=0.045)
        energy = figure.add_subplot(whole[0])
        draw_energy(energy, field, (), ())
        _draw_camera(energy, direction)
        png = io.BytesIO()
        # No software tag: the same sound gives the same bytes.
        figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()


def _draw_frames(axes: Sequence[Axes], seen: Sequence[SeenFrame]) -> None:
    """The frames, darkened where little stands out: the brightest patch of all frames is as bright as the picture."""
    top = max(float(each.energy.max()) for each in seen)
    for panel, each in zip(axes, seen, strict=True):
        height, width = each.frame.rgb.shape[:2]
        panel.imshow(each.frame.rgb, interpolation="lanczos")
        heat = panel.imshow(
            each.energy, extent=(-0.5, width - 0.5, height - 0.5, -0.5), cmap="inferno", vmin=0, vmax=top, interpolation="nearest"
        )
        heat.set_alpha(0.55)
        panel.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[])
        time = panel.text(0.03, 0.95, f"{each.time_s:.2f} s", transform=panel.transAxes, va="top", color=INK, fontsize=9)
        time.set_path_effects([patheffects.withStroke(linewidth=3, foreground=PAPER)])
        for spine in panel.spines.values():
            spine.set_visible(False)
        panel.set_facecolor(PANEL)
    axes[0].set_title("what stands out in the frames (energy of patches, brighter is more)", loc="left")


def _draw_camera(axes: Axes, direction: Direction) -> None:
    """A ring where the camera looks."""
    azimuth = (degrees(direction.azimuth_rad) + 180) % 360 - 180
    elevation = degrees(direction.elevation_rad)
    style = {"markersize": 13, "markerfacecolor": "none", "markeredgewidth": 2, "clip_on": False, "zorder": 5}
    axes.plot(azimuth, elevation, "o", markeredgecolor=CAMERA, **style)
    below = elevation > 0
    note = axes.annotate(
        "camera", (azimuth, elevation), (0, -12 if below else 12), textcoords="offset points", color=CAMERA, ha="center",
        va="top" if below else "bottom", fontweight="bold", fontsize=9.5,
    )  # fmt: skip
    note.set_path_effects([patheffects.withStroke(linewidth=3, foreground=PAPER)])

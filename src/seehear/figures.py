"""The explaining picture: what was seen, where it is heard, and how loud each channel is."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Polygon, Rectangle

from seehear.acoustics.sphere import energy_map
from seehear.types import Audio, Box, Image, Trajectory

PAPER, PANEL, INK, FAINT = "#0f1318", "#171c23", "#e8ecf1", "#5c6773"
PALETTE = ("#ff9f43", "#4dc3ff", "#7ee081", "#ff6b8b", "#c59bff", "#ffe066", "#4fe3d0", "#ff8c69", "#9fb4ff", "#d0e562")
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": FAINT,
    "axes.edgecolor": FAINT,
    "axes.facecolor": PANEL,
    "axes.titlesize": 10,
    "axes.titlecolor": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "figure.facecolor": PAPER,
    "axes.linewidth": 0.6,
}
MIN_DISTANCE_M = 0.5
FLOOR_DB = -60.0


@dataclass(frozen=True)
class Mark:
    """One source as the figure shows it."""

    label: str
    score: float | None
    trajectory: Trajectory
    extent_rad: float
    box: Box | None
    polygon: tuple[tuple[float, float], ...] | None

    @property
    def is_bed(self) -> bool:
        return self.extent_rad >= 2 * math.pi - 1e-6


def explain(
    picture: Image, marks: Sequence[Mark], audio: Audio, foa: Audio, *, title: str, hfov_rad: float | None, dpi: int = 110
) -> bytes:
    """PNG bytes: the picture with outlined sources, a top view, the energy map of ``foa``, the levels of ``audio``.

    ``hfov_rad`` draws the camera's field of view into the top view; None (a panorama) draws none.
    """
    colours = [FAINT if mark.is_bed else PALETTE[i % len(PALETTE)] for i, mark in enumerate(marks)]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(13.6, 8.2), dpi=dpi)
        FigureCanvasAgg(figure)
        grid = GridSpec(2, 3, figure=figure, width_ratios=(1.25, 0.65, 1.1), height_ratios=(1.35, 0.9))
        grid.update(left=0.045, right=0.975, top=0.91, bottom=0.075, wspace=0.2, hspace=0.3)
        figure.text(0.045, 0.952, title, fontsize=14, fontweight="bold")
        figure.text(0.975, 0.952, "seehear", fontsize=11, color=FAINT, ha="right")
        _draw_picture(figure.add_subplot(grid[0, :2]), picture, marks, colours)
        _draw_top_view(figure.add_subplot(grid[0, 2], projection="polar"), marks, colours, hfov_rad)
        _draw_energy(figure.add_subplot(grid[1, :2]), foa, marks, colours)
        _draw_levels(figure.add_subplot(grid[1, 2]), audio)
        png = io.BytesIO()
        # No software tag: the same picture gives the same bytes.
        figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()


def _caption(mark: Mark) -> str:
    return mark.label if mark.score is None else f"{mark.label}  {100 * mark.score:.0f} %"


def _draw_picture(axes: Axes, picture: Image, marks: Sequence[Mark], colours: Sequence[str]) -> None:
    _mount(axes, picture)
    outline = [patheffects.withStroke(linewidth=4.5, foreground="#000000a0")]
    line = {"fill": False, "linewidth": 2, "path_effects": outline, "joinstyle": "round"}
    for mark, colour in zip(marks, colours, strict=True):
        if mark.box is None:
            continue
        x0, y0, x1, y1 = mark.box
        shape = Polygon(mark.polygon, closed=True, edgecolor=colour, **line) if mark.polygon else None
        axes.add_patch(shape or Rectangle((x0, y0), x1 - x0, y1 - y0, edgecolor=colour, **line))
        top = max(y0, 0.045 * picture.height_px)
        tag = {"boxstyle": "round,pad=0.3", "facecolor": colour, "edgecolor": "none"}
        axes.text(x0, top, _caption(mark), color=PAPER, fontsize=9.5, fontweight="bold", va="bottom", bbox=tag)
    beds = ", ".join(mark.label for mark in marks if mark.is_bed)
    if beds:
        axes.text(0, -0.03, f"all around: {beds}", transform=axes.transAxes, color=FAINT, va="top")


def _mount(axes: Axes, picture: Image) -> None:
    """Show the picture whole and centred on a mat that fills the panel, whatever its shape."""
    axes.imshow(picture.rgb, interpolation="lanczos")
    width, height = picture.width_px, picture.height_px
    panel = axes.get_position(original=True)
    inches = axes.figure.get_size_inches()
    aspect = panel.width * inches[0] / (panel.height * inches[1])
    spare_x = max(0.0, aspect * height - width) / 2
    spare_y = max(0.0, width / aspect - height) / 2
    axes.set_xlim(-0.5 - spare_x, width - 0.5 + spare_x)
    axes.set_ylim(height - 0.5 + spare_y, -0.5 - spare_y)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_top_view(axes: Axes, marks: Sequence[Mark], colours: Sequence[str], hfov_rad: float | None) -> None:
    """The listener from above, front at the top, left on the left; distance grows in octaves."""

    def radius(metres: np.ndarray | float) -> np.ndarray:
        return np.log2(np.maximum(metres, MIN_DISTANCE_M) / MIN_DISTANCE_M)

    axes.set_theta_zero_location("N")
    far = max([4.0, *(float(m.trajectory.distances_m.max()) for m in marks if not m.is_bed)]) * 1.25
    rings = [d for d in (1, 2, 5, 10, 20, 50, 100, 200) if d < far]
    axes.set_rlim(0, float(radius(far)))
    axes.set_rgrids([float(radius(d)) for d in rings], [f"{d} m" for d in rings], angle=180, fontsize=7.5, color=FAINT)
    axes.set_thetagrids([0, 90, 180, 270], ["front", "left", "back", "right"], fontsize=8.5)
    axes.grid(color=FAINT, linewidth=0.4, alpha=0.6)
    axes.set_title("where it is heard from", pad=14)
    if hfov_rad is not None:
        wedge = np.linspace(-hfov_rad / 2, hfov_rad / 2, 40)
        axes.fill_between(wedge, 0, float(radius(far)), color=INK, alpha=0.06, linewidth=0)
    axes.plot(0, 0, marker="^", markersize=11, color=INK, zorder=5)
    for mark, colour in zip(marks, colours, strict=True):
        if mark.is_bed:
            circle = np.linspace(0, 2 * math.pi, 200)
            axes.plot(circle, np.full(200, 0.97 * float(radius(far))), color=colour, linewidth=3, alpha=0.5)
            continue
        path = mark.trajectory
        azimuth = np.unwrap(np.arctan2(path.directions[:, 1], path.directions[:, 0]))
        r = radius(path.distances_m * np.hypot(path.directions[:, 0], path.directions[:, 1]))
        middle = len(azimuth) // 2
        if mark.extent_rad > 0:
            arc = azimuth[middle] + np.linspace(-mark.extent_rad / 2, mark.extent_rad / 2, 60)
            axes.plot(arc, np.full(60, r[middle]), color=colour, linewidth=6, alpha=0.35, solid_capstyle="round")
        axes.plot(azimuth, r, color=colour, linewidth=2, alpha=0.8)
        axes.plot(azimuth[-1], r[-1], marker="o", markersize=9, color=colour, markeredgecolor=PAPER, zorder=6)
        note = axes.annotate(
            mark.label, (azimuth[-1], r[-1]), xytext=(8, 5), textcoords="offset points", fontsize=8.5, color=colour
        )
        note.set_path_effects([patheffects.withStroke(linewidth=2.5, foreground=PANEL)])


def _draw_energy(axes: Axes, foa: Audio, marks: Sequence[Mark], colours: Sequence[str]) -> None:
    """Energy over the sphere as seen from inside: left on the left, up at the top."""
    n_azimuth, n_elevation = 180, 90
    # In-phase weights (1, 1/3): a cardioid look in every direction, without the mirrored lobe of the plain decode.
    in_phase = foa.samples * np.array([1, 1 / 3, 1 / 3, 1 / 3], np.float32)[:, None]
    energy = energy_map(in_phase, n_azimuth, n_elevation)
    level_db = 10 * np.log10(np.maximum(energy / max(float(energy.max()), 1e-20), 1e-2))
    # First order is a soft lens: the scale follows what there is, so that a reverberant scene still shows its directions.
    floor_db = min(float(level_db.min()), -2.0)
    image = axes.imshow(
        level_db, extent=(180, -180, -90, 90), cmap="inferno", vmin=floor_db, vmax=0, aspect="auto", interpolation="bicubic"
    )
    for mark, colour in zip(marks, colours, strict=True):
        if mark.is_bed:
            continue
        vectors = mark.trajectory.directions
        azimuth = np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0]))
        elevation = np.degrees(np.arcsin(np.clip(vectors[:, 2], -1, 1)))
        if len(azimuth) > 1:
            jumps = np.abs(np.diff(azimuth, prepend=azimuth[0])) > 180
            axes.plot(np.where(jumps, np.nan, azimuth), elevation, color=colour, linewidth=1.5)
        axes.plot(azimuth[-1], elevation[-1], "o", markersize=7, color=colour, markeredgecolor=PAPER)
    axes.set_xticks([180, 90, 0, -90, -180], ["back", "left 90°", "front", "right 90°", "back"])
    axes.set_yticks([-90, -45, 0, 45, 90], ["down", "-45°", "0°", "45°", "up"])
    axes.tick_params(length=0)
    axes.set_title("energy over the sphere, from first-order ambisonics", loc="left")
    bar = axes.figure.colorbar(image, ax=axes, pad=0.015, aspect=16)
    bar.set_label("dB re loudest")
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)


def _draw_levels(axes: Axes, audio: Audio) -> None:
    rms_db, peak_db = channel_levels_db(audio)
    rows = np.arange(len(rms_db))
    shown = np.maximum(rms_db, FLOOR_DB) - FLOOR_DB
    axes.barh(rows, shown, left=FLOOR_DB, height=0.62, color="#4dc3ff", alpha=0.9)
    axes.scatter(np.maximum(peak_db, FLOOR_DB), rows, marker="|", s=110, color=INK, zorder=3, label="peak")
    for row, level in zip(rows, rms_db, strict=True):
        text = "silent" if level <= FLOOR_DB else f"{level:.0f}"
        axes.text(
            FLOOR_DB + 1, row, text, va="center", fontsize=8, color=PAPER if level > FLOOR_DB + 8 else FAINT, fontweight="bold"
        )
    axes.set_yticks(rows, audio.layout.labels, color=INK)
    axes.invert_yaxis()
    axes.set_xlim(FLOOR_DB, 0)
    axes.set_xlabel("dBFS (bar: RMS, line: peak)")
    axes.grid(axis="x", color=FAINT, linewidth=0.4, alpha=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.set_title(f"channels of the {audio.layout.name} render", loc="left")


def channel_levels_db(audio: Audio) -> tuple[np.ndarray, np.ndarray]:
    """RMS and sample peak (C,) of each channel in dBFS, -inf for silence."""
    with np.errstate(divide="ignore"):
        rms = 20 * np.log10(np.sqrt(np.mean(audio.samples.astype(np.float64) ** 2, axis=1)))
        peak = 20 * np.log10(np.abs(audio.samples).max(axis=1).astype(np.float64))
    return rms, peak

"""The explaining picture: what was seen, where it is heard, and how loud each channel is."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox, IdentityTransform

from seehear.acoustics.sphere import plane_wave_powers
from seehear.figures.measuring import channel_levels_db, covariance, envelopes, in_phase
from seehear.types import Box, Image, Sound, Trajectory, surrounds

PAPER, PANEL, INK, MUTED, FAINT = "#0f1318", "#171c23", "#e8ecf1", "#98a4b3", "#5c6773"
PALETTE = ("#ff9f43", "#4dc3ff", "#7ee081", "#ff6b8b", "#c59bff", "#ffe066", "#4fe3d0", "#ff8c69", "#9fb4ff", "#d0e562")
FONT = "DejaVu Sans"
STYLE = {
    "font.family": FONT,
    "font.size": 10,
    "text.color": INK,
    "text.usetex": False,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": FAINT,
    "axes.facecolor": PANEL,
    "axes.titlesize": 11,
    "axes.titlecolor": INK,
    "axes.titlepad": 9,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "figure.facecolor": PAPER,
    "axes.linewidth": 0.6,
}
SIZE_INCHES = (12.4, 7.8)
MAX_TITLE = 64
"""Characters; a longer name loses its middle."""
MIN_DISTANCE_M = 0.5
FLOOR_DB = -60.0
MOST_NAMED = 16
"""Channels that have room for a name each."""
DOT_PT = 9.0
TAG_PAD = 0.25
"""Margin of a tag around its words, in letters."""
LABEL_REACH_PT = (7.0, 15.0, 26.0, 40.0, 58.0)
"""How far from its dot a label may go to find room."""
AROUND = np.array([(0.9, 0.5), (0.9, -0.5), (1, 0), (-0.9, 0.5), (-0.9, -0.5), (-1, 0), (0, 1), (0, -1)])
"""Where about its dot a label looks for room: right, left, above, below."""


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
        return surrounds(self.extent_rad)


def explain(
    picture: Image, marks: Sequence[Mark], audio: Sound, foa: Sound | None, *, title: str, hfov_rad: float | None, dpi: int = 120
) -> bytes:
    """PNG bytes: the picture with outlined sources, a top view, the energy map of ``foa``, the levels of ``audio``.

    Without ``foa`` (microphones that give no sound field) the channels are drawn over time instead of the map.

    ``hfov_rad`` draws the camera's field of view into the top view; None (a panorama) draws none.
    """
    colours = [MUTED if mark.is_bed else PALETTE[i % len(PALETTE)] for i, mark in enumerate(marks)]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=SIZE_INCHES, dpi=dpi)
        FigureCanvasAgg(figure)
        grid = GridSpec(2, 2, figure=figure, width_ratios=(1.62, 1), height_ratios=(1.5, 1))
        grid.update(left=0.065, right=0.945, top=0.875, bottom=0.075, wspace=0.2, hspace=0.27)
        figure.text(0.065, 0.945, shown(title), fontsize=15, fontweight="bold", parse_math=False)
        figure.text(0.945, 0.945, "seehear", fontsize=12, color=MUTED, ha="right")
        seen, above = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1], projection="polar")
        energy = figure.add_subplot(grid[1, 0])
        boxes = _draw_picture(seen, picture, marks, colours)
        dots_above = _draw_top_view(above, marks, colours, hfov_rad)
        dots_around = _draw_channels(energy, audio, len(marks)) if foa is None else draw_energy(energy, foa, marks, colours)
        _draw_levels(figure.add_subplot(grid[1, 1]), audio)
        # Labels look for room on the page, so everything else must have its place.
        figure.draw_without_rendering()
        _tag_boxes(seen, marks, colours, boxes)
        _label_dots(above, marks, colours, dots_above)
        _label_dots(energy, marks, colours, dots_around)
        png = io.BytesIO()
        # No software tag: the same picture gives the same bytes.
        figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()


# ------------------------------------------------------------------------------------------------ words


def shown(text: str) -> str:
    """``text`` as the figure can print it: shortened in its middle, a box for every character that the font lacks."""
    if len(text) > MAX_TITLE:
        text = f"{text[: MAX_TITLE // 2]}…{text[-MAX_TITLE // 2 + 1 :]}"
    return "".join(letter if ord(letter) in _glyphs() else "□" for letter in text)


@cache
def _glyphs() -> frozenset[int]:
    """Code points that the figure's font has in bold; its regular face has them too."""
    return frozenset(get_font(findfont(FontProperties(family=FONT, weight="bold"))).get_charmap())


def _caption(mark: Mark) -> str:
    return shown(mark.label) if mark.score is None else f"{shown(mark.label)}  {100 * mark.score:.0f} %"


def _settle(text: Text, spots: np.ndarray, taken: Sequence[Bbox], bounds: Bbox) -> Bbox:
    """Where ``text`` went: the first of the spots (S, 2), its centre in pixels, at which it hides least within bounds."""
    size = _extent(text).size
    low, high = bounds.min + size / 2, bounds.max - size / 2
    spots = np.stack([np.clip(spots[:, 0], low[0], max(low[0], high[0])), spots[:, 1]], axis=1)
    others = np.array([other.extents for other in (bounds, *taken)])
    sides = np.minimum(spots[:, None] + size / 2, others[:, 2:]) - np.maximum(spots[:, None] - size / 2, others[:, :2])
    hidden = np.maximum(sides, 0).prod(axis=-1)
    outside = size.prod() - hidden[:, 0]
    best = spots[int((10 * outside + hidden[:, 1:].sum(axis=1)).round(3).argmin())]
    text.set_position(best)
    return Bbox([best - size / 2, best + size / 2])


def _extent(text: Text) -> Bbox:
    """The box of ``text`` in pixels, with the margin that a tag has."""
    margin = TAG_PAD * text.get_fontsize() * text.get_figure().dpi / 72 if text.get_bbox_patch() else 0.0
    return text.get_window_extent().padded(margin)


def _tag_boxes(axes: Axes, marks: Sequence[Mark], colours: Sequence[str], boxes: Sequence[Bbox | None]) -> None:
    """A tag for every outlined source: above its box, else below, beside or inside; small boxes stay uncovered."""
    small = 0.02 * axes.bbox.width * axes.bbox.height
    taken = [box for box in boxes if box is not None and box.width * box.height < small]
    for mark, colour, box in zip(marks, colours, boxes, strict=True):
        if box is None:
            continue
        style = {"boxstyle": f"round,pad={TAG_PAD}", "facecolor": colour, "edgecolor": "none"}
        tag = _loose_text(axes, _caption(mark), color=PAPER, fontweight="bold", bbox=style, zorder=8)
        size = _extent(tag)
        w, h = size.width / 2, size.height / 2
        gap = 0.15 * size.height
        rows = (box.y1 + h + gap, box.y0 - h - gap, box.y1 - h - gap, box.y0 + h + gap)
        spots = [(x, y) for y in rows for x in (box.x0 + w, box.x1 - w)]
        spots += [(x, (box.y0 + box.y1) / 2) for x in (box.x1 + w + gap, box.x0 - w - gap)]
        taken.append(_settle(tag, np.array(spots), taken, axes.bbox))


def _label_dots(axes: Axes, marks: Sequence[Mark], colours: Sequence[str], dots: Sequence[tuple[float, float] | None]) -> None:
    """A label beside every dot (data coordinates), with a thin line to it where the room beside the dot was taken."""
    point = axes.figure.dpi / 72
    centres = [None if dot is None else axes.transData.transform(dot) for dot in dots]
    half = DOT_PT / 2 * point
    taken = [Bbox.from_extents(x - half, y - half, x + half, y + half) for x, y in (c for c in centres if c is not None)]
    for mark, colour, centre in zip(marks, colours, centres, strict=True):
        if centre is None:
            continue
        note = _loose_text(axes, shown(mark.label), color=colour, fontsize=9.5, fontweight="bold", zorder=8)
        note.set_path_effects([patheffects.withStroke(linewidth=3, foreground=PAPER)])
        reach = np.array(LABEL_REACH_PT)[:, None, None] * point
        spots = (centre + reach * AROUND + AROUND.round() * note.get_window_extent().size / 2).reshape(-1, 2)
        place = _settle(note, spots, taken, axes.bbox)
        near = np.clip(centre, place.min, place.max)
        if np.hypot(*(near - centre)) > 1.5 * LABEL_REACH_PT[0] * point:
            ends = np.stack([centre, near])
            axes.add_artist(Line2D(*ends.T, transform=IdentityTransform(), color=colour, linewidth=0.8, zorder=4.5))
        taken.append(place)


def _loose_text(axes: Axes, text: str, **style: object) -> Text:
    """A text of the axes that lies on the page's pixels, to be settled."""
    return axes.text(0, 0, text, transform=IdentityTransform(), ha="center", va="center", parse_math=False, **style)


# ------------------------------------------------------------------------------------------------ panels


def _draw_picture(axes: Axes, picture: Image, marks: Sequence[Mark], colours: Sequence[str]) -> list[Bbox | None]:
    """The picture and the outlines on it; the box of each mark in pixels of the page."""
    _mount(axes, picture)
    axes.set_title("what is seen", loc="left")
    outline = [patheffects.withStroke(linewidth=4.5, foreground="#000000a0")]
    line = {"fill": False, "linewidth": 2, "path_effects": outline, "joinstyle": "round", "clip_on": False}
    boxes: list[Bbox | None] = []
    for mark, colour in zip(marks, colours, strict=True):
        if mark.box is None:
            boxes.append(None)
            continue
        x0, y0, x1, y1 = (edge - 0.5 for edge in mark.box)  # boxes count from pixel corners, axes from centres
        corners = np.subtract(mark.polygon or ((x0, y0), (x1, y0), (x1, y1), (x0, y1)), 0.5 if mark.polygon else 0)
        box = Bbox(np.sort(axes.transData.transform([(x0, y0), (x1, y1)]), axis=0))
        # A box that is there already is dashed, so that both colours show.
        dashes = (0, (5, 5)) if any(other is not None and np.allclose(box, other) for other in boxes) else "-"
        axes.add_patch(Polygon(corners, closed=True, edgecolor=colour, linestyle=dashes, **line))
        boxes.append(box)
    return boxes


def _mount(axes: Axes, picture: Image) -> None:
    """Show the picture whole and centred on a mat that fills the panel, whatever its shape."""
    axes.imshow(picture.rgb, interpolation="lanczos")
    width, height = picture.width_px, picture.height_px
    aspect = axes.bbox.width / axes.bbox.height
    spare_x = max(0.0, aspect * height - width) / 2
    spare_y = max(0.0, width / aspect - height) / 2
    axes.set_xlim(-0.5 - spare_x, width - 0.5 + spare_x)
    axes.set_ylim(height - 0.5 + spare_y, -0.5 - spare_y)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_top_view(
    axes: Axes, marks: Sequence[Mark], colours: Sequence[str], hfov_rad: float | None
) -> list[tuple[float, float] | None]:
    """The listener from above, front at the top, left on the left; distance grows in octaves. The dot of each placed mark."""
    placed = [mark for mark in marks if not mark.is_bed]
    far_m = max([4.0, *(float(mark.trajectory.distances_m.max()) for mark in placed)]) * 1.25
    edge = float(_octaves(far_m))
    axes.set_theta_zero_location("N")
    rings = [d for d in (1, 2, 5, 10, 20, 50, 100, 200, 500) if d < 0.9 * far_m]
    axes.set_rlim(0, edge)
    axes.set_rgrids([float(_octaves(d)) for d in rings], [f"{d} m" for d in rings], angle=180, fontsize=8.5, color=MUTED)
    axes.set_thetagrids([0, 90, 180, 270], ["front", "left", "back", " right"])
    axes.tick_params(axis="x", pad=3)
    axes.grid(color=FAINT, linewidth=0.5, alpha=0.7)
    cell = axes.get_subplotspec().get_position(axes.figure)
    axes.set_position(cell.shrunk(1, 0.9).translated(0, 0.05 * cell.height))  # room for the names around
    above = cell.y1 + 9 / 72 / SIZE_INCHES[1]
    axes.figure.text(cell.x0, above, "where it is heard from", fontsize=11)
    if beds := ", ".join(mark.label for mark in marks if mark.is_bed):
        axes.figure.text(cell.x1, above, shown(f"all around: {beds}"), color=MUTED, ha="right", parse_math=False)
        circle = np.linspace(0, 2 * math.pi, 200)
        axes.plot(circle, np.full(200, 0.97 * edge), color=MUTED, linewidth=3, alpha=0.5)
    if hfov_rad is not None:
        axes.fill_between(np.linspace(-hfov_rad / 2, hfov_rad / 2, 40), 0, edge, color=INK, alpha=0.06, linewidth=0)
    axes.plot(0, 0, marker="^", markersize=10, color=INK, zorder=4)
    paths = [None if mark.is_bed else _path_from_above(mark.trajectory) for mark in marks]
    for mark, colour, path in zip(marks, colours, paths, strict=True):
        if path is None:
            continue
        azimuth, r = path
        if mark.extent_rad > 0:
            middle = len(azimuth) // 2
            arc = azimuth[middle] + np.linspace(-mark.extent_rad / 2, mark.extent_rad / 2, 60)
            axes.plot(arc, np.full(60, r[middle]), color=colour, linewidth=6, alpha=0.35, solid_capstyle="round")
        axes.plot(azimuth, r, color=colour, linewidth=2, alpha=0.8)
    dots = [None if path is None else (float(path[0][-1]), float(path[1][-1])) for path in paths]
    _draw_dots(axes, colours, dots)
    return dots


def _octaves(metres: np.ndarray | float) -> np.ndarray:
    """Radius in the top view: octaves beyond the distance at which a source gets no louder."""
    return np.log2(np.maximum(metres, MIN_DISTANCE_M) / MIN_DISTANCE_M)


def _path_from_above(path: Trajectory) -> tuple[np.ndarray, np.ndarray]:
    """Azimuth without jumps, and radius in the top view (K,)."""
    azimuth = np.unwrap(np.arctan2(path.directions[:, 1], path.directions[:, 0]))
    return azimuth, _octaves(path.distances_m * np.hypot(path.directions[:, 0], path.directions[:, 1]))


def _draw_dots(axes: Axes, colours: Sequence[str], dots: Sequence[tuple[float, float] | None]) -> None:
    """A dot where each source ends up; of several at one place the later are smaller, so that each one shows."""
    drawn: list[np.ndarray] = []
    for colour, dot in zip(colours, dots, strict=True):
        if dot is None:
            continue
        centre = axes.transData.transform(dot)
        below = sum(np.hypot(*(centre - other)) < 0.6 * DOT_PT * axes.figure.dpi / 72 for other in drawn)
        size = max(DOT_PT + 3 * (below == 0) - 2.5 * below, 3.0)
        axes.plot(*dot, "o", markersize=size, color=colour, markeredgecolor=PAPER, zorder=5 + 0.01 * below, clip_on=False)
        drawn.append(centre)


def draw_energy(axes: Axes, foa: Sound, marks: Sequence[Mark], colours: Sequence[str]) -> list[tuple[float, float] | None]:
    """Energy over the sphere as seen from inside, left on the left, up at the top. The dot of each placed mark."""
    n_azimuth, n_elevation = 180, 90
    energy = plane_wave_powers(in_phase(covariance(foa)), n_azimuth, n_elevation)
    level_db = 10 * np.log10(np.maximum(energy / max(float(energy.max()), 1e-20), 1e-2))
    # First order is a soft lens: the scale follows what there is, so that a reverberant scene still shows its directions.
    floor_db = min(float(level_db.min()), -2.0)
    image = axes.imshow(
        level_db, extent=(180, -180, -90, 90), cmap="inferno", vmin=floor_db, vmax=0, aspect="auto", interpolation="bicubic"
    )
    dots: list[tuple[float, float] | None] = []
    for mark, colour in zip(marks, colours, strict=True):
        if mark.is_bed:
            dots.append(None)
            continue
        vectors = mark.trajectory.directions
        azimuth = np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0]))
        elevation = np.degrees(np.arcsin(np.clip(vectors[:, 2], -1, 1)))
        jumps = np.abs(np.diff(azimuth, prepend=azimuth[0])) > 180
        axes.plot(np.where(jumps, np.nan, azimuth), elevation, color=colour, linewidth=1.5)
        dots.append((float(azimuth[-1]), float(elevation[-1])))
    axes.set(xlim=(180, -180), ylim=(-90, 90))
    _draw_dots(axes, colours, dots)
    axes.set_xticks([180, 90, 0, -90, -180], ["back", "left 90°", "front", "right 90°", "back"])
    axes.set_yticks([-90, -45, 0, 45, 90], ["down", "-45°", "0°", "45°", "up"])
    # The outermost names stay within their edges, clear of each other.
    for labels, sides in ((axes.get_xticklabels(), ("left", "right")), (axes.get_yticklabels(), ("bottom", "top"))):
        for label, side in zip((labels[0], labels[-1]), sides, strict=True):
            label.set(**{"ha" if side in ("left", "right") else "va": side})
    axes.tick_params(length=0)
    axes.set_title("energy over the sphere, from first-order ambisonics", loc="left")
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02, aspect=16, ticks=MaxNLocator(4))
    bar.set_label("dB re loudest")
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    return dots


def _draw_channels(axes: Axes, audio: Sound, n_marks: int) -> list[tuple[float, float] | None]:
    """Every channel over time at one scale, so that their delays can be seen; no mark has a dot."""
    lows, highs, times_s = envelopes(audio, 1200)
    height = 0.5 / max(float(np.abs(lows).max()), float(np.abs(highs).max()), 1e-9)
    for row, (low, high) in enumerate(zip(height * lows, height * highs, strict=True)):
        axes.fill_between(times_s, row - high, row - low, color="#4dc3ff", alpha=0.9, linewidth=0.4)
    axes.set(xlim=(0, audio.duration_s), ylim=(len(lows) - 0.4, -0.6), xlabel="seconds")
    axes.set_yticks(range(len(lows)), audio.layout.labels, color=INK)
    axes.tick_params(length=0)
    axes.set_title("what each microphone hears", loc="left")
    return [None] * n_marks


def _draw_levels(axes: Axes, audio: Sound) -> None:
    """RMS as bars, peaks as lines, the RMS in figures at the right."""
    rms_db, peak_db = channel_levels_db(audio)
    rows = np.arange(len(rms_db))
    axes.barh(rows, np.maximum(rms_db - FLOOR_DB, 0), left=FLOOR_DB, height=0.62, color="#4dc3ff", alpha=0.9)
    heard = peak_db > FLOOR_DB
    axes.scatter(peak_db[heard], rows[heard], marker="|", s=130 if len(rows) <= MOST_NAMED else 20, color=INK, zorder=3)
    # Of more, the first of each ambisonic degree is named (of degree 1 it would touch W).
    named = rows if len(rows) <= MOST_NAMED else np.delete(np.arange(math.isqrt(len(rows))) ** 2, 1)
    for row, level in zip(named, rms_db[named], strict=True):
        text, colour = (
            (f"{level:.0f}", INK) if level > FLOOR_DB else ("silent" if np.isneginf(level) else f"< {FLOOR_DB:.0f}", MUTED)
        )
        axes.text(1.015, row, text, transform=axes.get_yaxis_transform(), va="center", fontsize=9, color=colour)
    axes.set_yticks(named, [audio.layout.labels[row] for row in named], color=INK)
    spare = max(4 - len(rows), 0) / 2  # one or two channels keep slim bars
    axes.set_ylim(len(rows) - 0.45 + spare, -0.55 - spare)
    axes.set_xlim(FLOOR_DB, 0)
    axes.set_xlabel("dBFS (bar: RMS, line: peak)")
    axes.grid(axis="x", color=FAINT, linewidth=0.4, alpha=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.set_title(f"channels of the {audio.layout.name} render", loc="left")

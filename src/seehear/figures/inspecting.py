"""The figure of a sound file: every channel over time and frequency, and of ambisonics where its energy comes from."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from seehear.acoustics.sphere import plane_wave_powers
from seehear.figures.explaining import FLOOR_DB, INK, MUTED, PANEL, PAPER, STYLE, shown
from seehear.figures.measuring import Spectrogram, channel_levels_db, in_phase, spectrogram
from seehear.types import Sound

MOST_CHANNELS = 16
"""Of more, the first are drawn."""
RANGE_DB = 80.0
"""Below the loudest band, all channels at one scale."""
QUIET_DB = 50.0
"""A moment so far below the loudest says nothing of where sound comes from."""
WIDTH_INCHES = 12.4
ROW_INCHES = (0.46, 1.5)
N_AZIMUTH, N_ELEVATION = 72, 24
TICKS_HZ = {100: "100 Hz", 1000: "1 kHz", 10000: "10 kHz"}


def inspected(sound: Sound, title: str, *, dpi: int = 110) -> bytes:
    """PNG bytes: a spectrogram and the levels of each channel (the first 16), and for ambisonics the energy of azimuths and
    elevations over time.

    Read once and block by block, so an hour takes no more memory than a minute; `channel_levels_db` reads it once more.
    """
    n_channels = min(sound.layout.n_channels, MOST_CHANNELS)
    found = spectrogram(sound, n_channels)
    row = float(np.clip(7.2 / n_channels, *ROW_INCHES))
    below = 3.0 if len(found.covariances) else 0.0
    height = 1.5 + n_channels * row + below
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, height), dpi=dpi)
        FigureCanvasAgg(figure)
        figure.text(0.065, 1 - 0.42 / height, shown(title), fontsize=15, fontweight="bold", parse_math=False)
        figure.text(0.985, 1 - 0.42 / height, "seehear", fontsize=12, color=MUTED, ha="right")
        rows = GridSpec(n_channels, 1, figure=figure, hspace=0.08)
        rows.update(left=0.065, right=0.9, top=1 - 0.82 / height, bottom=(0.68 + below) / height)
        axes = [figure.add_subplot(rows[index]) for index in range(n_channels)]
        draw_spectrograms(axes, sound, found)
        if len(found.covariances):
            panels = GridSpec(2, 1, figure=figure, hspace=0.12, height_ratios=(1.6, 1))
            panels.update(left=0.065, right=0.9, top=(below - 0.05) / height, bottom=0.5 / height)
            draw_directions([figure.add_subplot(panels[index]) for index in range(2)], sound, found)
        png = io.BytesIO()
        # No software tag: the same sound gives the same bytes.
        figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()


def draw_spectrograms(axes: list[Axes], sound: Sound, found: Spectrogram) -> None:
    """A spectrogram and the levels of each of the first channels, one per axes."""
    rms_db, peak_db = channel_levels_db(sound)
    level_db = 10 * np.log10(np.maximum(found.powers, 1e-20))
    top_db = max(float(level_db.max()), FLOOR_DB)
    octaves = np.log2(found.edges_hz / found.edges_hz[0])
    for index, each in enumerate(axes):
        extent = (0, sound.duration_s, 0, octaves[-1])
        each.imshow(
            level_db[index], extent=extent, origin="lower", cmap="inferno", vmin=top_db - RANGE_DB, vmax=top_db, aspect="auto"
        )
        ticks = {np.log2(hz / found.edges_hz[0]): name for hz, name in TICKS_HZ.items() if hz < found.edges_hz[-1]}
        is_small = len(axes) > 8
        each.set_yticks([] if is_small else list(ticks), [] if is_small else list(ticks.values()), fontsize=7)
        label = each.text(
            0.006, 0.94, sound.layout.labels[index], transform=each.transAxes, va="top", color=INK, fontweight="bold", fontsize=9
        )
        label.set_path_effects([patheffects.withStroke(linewidth=3, foreground=PAPER)])
        told = "silent" if np.isneginf(peak_db[index]) else f"{rms_db[index]:.1f}\npeak {peak_db[index]:.1f}"
        each.text(1.008, 0.5, told, transform=each.transAxes, va="center", color=MUTED, fontsize=8)
        each.tick_params(length=0, labelbottom=index == len(axes) - 1)
        if len(axes) <= 8:
            each.set_xlim(0, sound.duration_s)
    more = sound.layout.n_channels - len(axes)
    first = f", the first {len(axes)} of {sound.layout.n_channels} channels" if more else ""
    axes[0].set_title(f"{sound.layout.name}, {sound.sample_rate_hz} Hz: level by frequency{first}", loc="left")
    axes[0].text(1.008, 1.06, "RMS, dBFS", transform=axes[0].transAxes, va="bottom", color=MUTED, fontsize=8)
    axes[-1].set_xlabel("seconds")


def draw_directions(axes: list[Axes], sound: Sound, found: Spectrogram) -> None:
    """Where the energy comes from over time: azimuths over all elevations, and elevations over all azimuths."""
    powers = plane_wave_powers(in_phase(found.covariances), N_AZIMUTH, N_ELEVATION)
    elevation = np.pi / 2 - np.pi * (np.arange(N_ELEVATION) + 0.5) / N_ELEVATION
    around = (powers * np.cos(elevation)[:, None]).sum(axis=1).T
    upright = powers.mean(axis=2).T
    power_of_w = found.covariances[:, 0, 0]
    is_heard = power_of_w > max(float(power_of_w.max()), 1e-16) * 10 ** (-QUIET_DB / 10)
    for each, power, ticks, span in (
        (axes[0], around, {180: "back", 90: "left 90°", 0: "front", -90: "right 90°", -180: "back"}, 180),
        (axes[1], upright, {90: "up", 0: "0°", -90: "down"}, 90),
    ):
        with np.errstate(divide="ignore", invalid="ignore"):
            level_db = 10 * np.log10(power / power.max(axis=0))
        level_db = np.ma.masked_where(np.broadcast_to(~is_heard, level_db.shape) | ~np.isfinite(level_db), level_db)
        # First order is a soft lens: the scale follows what there is.
        floor_db = min(float(level_db.min()) if is_heard.any() else -2.0, -2.0)
        each.set_facecolor(PANEL)
        extent = (0, sound.duration_s, -span, span)
        each.imshow(level_db, extent=extent, cmap="inferno", vmin=max(floor_db, -20.0), vmax=0, aspect="auto")
        each.set_yticks(list(ticks), list(ticks.values()), fontsize=8)
        each.tick_params(length=0, labelbottom=each is axes[1])
    axes[0].set_title("where the energy comes from (each moment at its own scale)", loc="left")
    axes[1].set_xlabel("seconds")

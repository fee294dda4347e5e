"""How well each loudspeaker layout plays a direction, and how exact turning is: `python bench/layouts.py`.

Predictors of what is heard, from the gains g_l of the loudspeakers at u_l for one plane wave (Gerzon 1992): the velocity
vector r_V = sum g u / sum g (below about 700 Hz) and the energy vector r_E = sum g^2 u / sum g^2 (above). Their direction is
where the sound seems to be, the length of r_E how narrow it is (1: one loudspeaker). Ripple is the loudest over the softest
direction. Ways: amplitude panning of a source (VBAP, as `render` does) and decoding of an ambisonic plane wave (AllRAD).
Directions: every 2 degrees of azimuth; within 10 degrees of the horizon, and from there up to the zenith for layouts with
heights, weighed by solid angle.
"""

from __future__ import annotations

import numpy as np

from seehear.acoustics.allrad import decoding_matrix
from seehear.acoustics.layouts import speaker_gains
from seehear.acoustics.sphere import directions_of, real_sh, rotation_by, sh_rotation
from seehear.types import SURROUND_5_1, SURROUND_5_1_4, SURROUND_7_1, SURROUND_7_1_4, FloatArray, Layout

ORDERS = (1, 3, 5, 7)
LAYOUTS = (SURROUND_5_1, SURROUND_7_1, SURROUND_5_1_4, SURROUND_7_1_4)


def band(low_deg: float, high_deg: float) -> tuple[FloatArray, FloatArray]:
    """Directions (N, 3) between two elevations, and the share of solid angle (N,) of each."""
    elevation = np.radians(np.arange(low_deg, high_deg + 1, 2.0))
    azimuth = np.radians(np.arange(-180.0, 180.0, 2.0))
    directions = directions_of(azimuth[None], elevation[:, None]).reshape(-1, 3)
    weights = np.repeat(np.cos(elevation), len(azimuth))
    return directions, weights / weights.sum()


def figures(layout: Layout, gains: FloatArray, directions: FloatArray, weights: FloatArray) -> dict[str, float]:
    """Errors in degrees, length of r_E, ripple in dB of ``gains`` (N, C)."""
    vectors = np.where(np.array([label == "LFE" for label in layout.labels])[:, None], 0.0, layout.vectors)
    energy = gains**2
    velocity, narrowness = gains @ vectors, energy @ vectors / energy.sum(axis=1, keepdims=True)
    found = {}
    for name, vector in (("rV", velocity), ("rE", narrowness)):
        cosine = np.sum(vector * directions, axis=1) / np.linalg.norm(vector, axis=1)
        error = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        found |= {f"{name} mean": float(weights @ error), f"{name} max": float(error.max())}
    level_db = 10 * np.log10(energy.sum(axis=1))
    return found | {
        "length": float(weights @ np.linalg.norm(narrowness, axis=1)),
        "ripple": float(level_db.max() - level_db.min()),
    }


def rows() -> list[str]:
    lines = [
        "| layout | directions | way | r_V error, mean / max | r_E error, mean / max | length of r_E | ripple |",
        "|---|---|---|---|---|---|---|",
    ]
    for layout in LAYOUTS:
        for name, (low, high) in {"horizon ±10°": (-10, 10), "horizon to zenith": (0, 90)}.items():
            if high == 90 and not max(layout.elevations_rad) > 0:
                continue
            directions, weights = band(low, high)
            ways = {"VBAP": speaker_gains(layout, directions)}
            ways |= {f"AllRAD {n}": real_sh(n, directions) @ decoding_matrix(layout, n).T for n in ORDERS}
            for way, gains in ways.items():
                x = figures(layout, gains, directions, weights)
                errors = (f"{x[f'{v} mean']:.1f}° / {x[f'{v} max']:.1f}°" for v in ("rV", "rE"))
                lines.append(
                    f"| {layout.name} | {name} | {way} | {' | '.join(errors)} | {x['length']:.2f} | {x['ripple']:.1f} dB |"
                )
    return lines


def turning() -> list[str]:
    """For each order: the largest error of a turned plane wave, of turning forth and back, and of the energy of a degree."""
    directions, _ = band(-90, 90)
    directions, turn = directions[::7], rotation_by(0.7, -0.4, 1.9)
    lines = ["| order | turned wave against the wave from there | forth and back | energy of a degree |", "|---|---|---|---|"]
    for order in range(1, 8):
        matrix, waves = sh_rotation(order, turn), real_sh(order, directions)
        turned = waves @ matrix.T
        starts = np.arange(order + 1) ** 2
        before, after = (np.add.reduceat(x**2, starts, axis=1) for x in (waves, turned))
        errors = (turned - real_sh(order, directions @ turn.T), turned @ matrix - waves, after - before)
        lines.append(f"| {order} | " + " | ".join(f"{np.abs(e).max():.0e}" for e in errors) + " |")
    return lines


def main() -> None:
    print("\n".join(rows()))
    print()
    print("\n".join(turning()))


if __name__ == "__main__":
    main()

"""Hands at work: typing, sawing, a camera, a bicycle, as small contacts in the rhythm of whoever makes them.

Every function: mono samples (T,), T = round(duration_s * rate_hz), free level; ``event_rate`` in events per second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from seehear.foley.blocks import Array, band, event_times, noise, slow_random
from seehear.foley.pulses import bursts, gusts, impulses, mix, resonances, ring, without_rumble
from seehear.foley.signals import strike_gong
from seehear.types import n_samples

# ---------------------------------------------------------------------------------------------- keyboard

KEY_HOLD_S = 0.116
"""Mean time a key is held (Dhakal et al. 2018, 136 million keystrokes); the mean distance of keystrokes is 0.239 s."""


def keyboard(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 4.2
) -> Array:
    """Someone typing: each key lands, a tenth of a second later it springs back; words, spaces, pauses for thought.

    Keystrokes follow each other by 0.24 s on average, log-normally spread, faster within a word (Dhakal et al. 2018, who
    also measured the hold of 0.116 s). A stroke sounds as the finger meets the cap, as the key lands some 10 ms later, and
    as it returns, fainter (Asonov & Agrawal 2004). The clip draws a laptop, an office or a clicking keyboard; ``event_rate``
    in keystrokes a second, ``intensity`` how hard the typist hits.
    """
    n = n_samples(duration_s, rate_hz)
    clicky, thin = ((0.0, 1.0), (0.15, 0.45), (1.0, 0.25))[int(rng.choice(3, p=[0.4, 0.35, 0.25]))]
    times, keys = _keystrokes(duration_s, rng, event_rate)
    large = (keys >= 40).astype(float)
    force = (0.4 + 0.9 * intensity) * rng.lognormal(0, 0.22, len(times)) * (1 + 0.5 * large)
    lands = times + rng.normal(0.011, 0.003, len(times)).clip(0.004, 0.02)
    returns = lands + rng.lognormal(np.log(KEY_HOLD_S) - 0.02, 0.2, len(times))
    tilt = 0.02 * rng.standard_normal(43)[keys]
    # One deck and table under all keys, a cap of its own for each: its place decides how it drives the deck's modes.
    deck_hz = np.sort(rng.uniform(130, 900, 9)) * (1.3 if thin > 0.7 else 1.0)
    deck = np.abs(rng.standard_normal((43, 9)))[keys] * (0.5 + 0.9 * large)[:, None] * (deck_hz[0] / deck_hz) ** 0.4
    caps_hz = np.exp(rng.uniform(np.log(1300), np.log(7500), 12)) * (1 + 0.15 * thin)
    cap = rng.standard_normal((43, 12))[keys] * (1 + 0.25 * rng.standard_normal((len(keys), 12)))
    moments = np.concatenate([times, lands, returns]) + np.tile(tilt * 0.01, 3)
    push = np.r_[0.45 * force, 0.1 * force][:, None] * np.tile(deck, (2, 1))
    x = ring(moments[len(times) :], push, deck_hz, rng.uniform(0.025, 0.07, 9), n, rate_hz)
    share = np.r_[0.12 * force, 0.5 * force, 0.3 * force]
    x += ring(moments, share[:, None] * np.tile(cap, (3, 1)), caps_hz, rng.uniform(0.006, 0.022, 12), n, rate_hz)
    if clicky:
        leaf_hz = np.array([3200.0, 4700.0, 6900.0]) * rng.uniform(0.85, 1.2)
        snap = clicky * 0.5 * rng.lognormal(0, 0.2, (len(times), 3))
        x += ring(times + 0.004, snap, leaf_hz, np.array([0.012, 0.01, 0.008]), n, rate_hz)
    tap = bursts(lands, force, 0.0004, 0.003, n, rate_hz) + 0.4 * bursts(returns, force, 0.0003, 0.002, n, rate_hz)
    rustle = band(rng.standard_normal(n), 1200, 9000, rate_hz, 1) * (tap + 0.15 * bursts(times, force, 0.004, 0.008, n, rate_hz))
    return without_rumble(x + 0.6 * rustle, rate_hz, 60.0)


def _keystrokes(duration_s: float, rng: np.random.Generator, rate_per_s: float) -> tuple[Array, NDArray[np.integer]]:
    """Times and keys of strokes (0 to 39 letters, 40 space, 41 backspace, 42 enter), pauses included in ``rate_per_s``."""
    # After about five letters comes a space, after 0.45 of them a pause of 2.2 strokes: 1 + 0.45 * 2.2 / 6 in the mean.
    mean_s = 0.857 / rate_per_s
    times, keys, left = [rng.uniform(0, min(0.3 * duration_s, mean_s))], [int(rng.integers(40))], int(rng.integers(2, 8))
    while times[-1] < duration_s:
        left -= 1
        step = rng.lognormal(np.log(mean_s) - 0.07, 0.38)
        if left < 0:
            keys.append(int(rng.choice([40, 41, 42], p=[0.83, 0.1, 0.07])))
            left = int(rng.integers(2, 9))
            step += rng.exponential(2.2 * mean_s) if rng.random() < 0.45 else 0.0
        else:
            keys.append(int(min(rng.geometric(0.07) - 1, 39)))
        times.append(times[-1] + max(step, 0.03))
    return np.array(times[:-1] or times), np.array(keys[:-1] or keys)


# --------------------------------------------------------------------------------------------------- saw


def saw(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 1.2) -> Array:
    """A hand saw in wood: teeth that catch fibre after fibre on the push, glide back on the pull, blade and board that ring.

    7 to 11 teeth an inch over a stroke of 0.25 to 0.45 m: at the middle of the push, near 1 m/s, some 300 to 500 teeth a
    second pass, so pitch and brightness swell with the speed of the hand. ``event_rate`` in strokes (push and pull) a second;
    after some strokes the sawyer rests. ``intensity`` is the pressure.
    """
    n = n_samples(duration_s, rate_hz)
    phase, resting = _strokes(duration_s, n, rate_hz, rng, event_rate)
    teeth_per_m, stroke_m = rng.uniform(7, 11) / 0.0254, rng.uniform(0.25, 0.45)
    share = rng.uniform(0.42, 0.5)
    pushing = phase % 1.0 < share
    within = np.where(pushing, phase % 1.0 / share, (phase % 1.0 - share) / (1 - share))
    pace = np.sin(np.pi * within) * resting
    speed = np.pi / 2 * stroke_m * pace * event_rate / np.where(pushing, share, 1 - share)
    passed = np.cumsum(speed) * teeth_per_m / rate_hz
    marks = np.arange(1, int(passed[-1]) + 1)
    times = np.interp(marks, passed, np.arange(n) / rate_hz)
    times = times + rng.normal(0, 0.25, len(times)) / np.maximum(
        np.interp(times, np.arange(n) / rate_hz, speed) * teeth_per_m, 60
    )
    at = np.clip((times * rate_hz).astype(int), 0, n - 1)
    set_of_teeth = 1 + 0.25 * rng.standard_normal(int(teeth_per_m * 0.55))
    bite = np.where(pushing[at], 1.0, rng.uniform(0.2, 0.35)) * np.abs(set_of_teeth[marks % len(set_of_teeth)])
    bite = bite * pace[at] ** 0.7 * rng.gamma(2.0, 0.5, len(times))
    grip = np.maximum(1 + 0.3 * slow_random(rng, n, rate_hz, 14), 0.2)
    rip = rng.standard_normal(n) * bursts(times, bite, 0.0002, 0.0012, n, rate_hz) * grip
    tooth = impulses(times, bite * rng.choice([-1, 1], len(times)), n, rate_hz)
    board = resonances(
        tooth + rip,
        [(f * rng.uniform(0.8, 1.25), 0.2 * f, g) for f, g in ((240, 0.6), (520, 0.9), (980, 1.0), (1700, 0.7))],
        rate_hz,
    )
    blade = resonances(
        tooth + 0.5 * rip,
        [(f * rng.uniform(0.8, 1.25), 60, g) for f, g in ((1350, 0.4), (2650, 0.6), (4300, 0.6), (6100, 0.4))],
        rate_hz,
    )
    bright = 10 ** rng.uniform(3.3, 3.55)
    dust = band(rip, 0.5 * bright, 3.5 * bright, rate_hz, 1) * (0.5 + np.abs(pace))
    drag = band(noise(rng, n, -2.0), 300, 4000, rate_hz, 1) * speed * grip
    x = mix(((board, 0.7 + 0.5 * intensity), (blade, rng.uniform(0.15, 0.35)), (dust, 0.8), (drag, 0.25)))
    return without_rumble(x, rate_hz, 60.0)


def _strokes(duration_s: float, n: int, rate_hz: int, rng: np.random.Generator, rate_per_s: float) -> tuple[Array, Array]:
    """Phase in strokes (n,), whole numbers where a push begins, and how much the hand is at work (n,), 0 at rest."""
    t = np.arange(n) / rate_hz
    lengths = (1 + 0.06 * rng.standard_normal(int(duration_s * rate_per_s) + 4)).clip(0.7, 1.4) / rate_per_s
    edges = np.concatenate([[0.0], np.cumsum(lengths)]) - rng.uniform(0.05, 0.3) / rate_per_s
    phase = np.interp(t, edges, np.arange(len(edges)))
    working = np.ones(len(edges))
    stroke = int(rng.integers(5, 12))
    while stroke < len(working):
        pause = int(rng.integers(1, 4))
        working[stroke : stroke + pause] = 0
        stroke += pause + int(rng.integers(5, 14))
    return phase, working[phase.astype(int)]


# ------------------------------------------------------------------------------------------------ camera


def camera(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.6
) -> Array:
    """A reflex camera: the mirror slaps up, the curtains run, the mirror falls, and in some the film winds on.

    Mirror up takes 35 to 60 ms before the first curtain; the two curtains start one exposure apart (1/500 to 1/15 s) and the
    mirror is back 60 to 110 ms after. A winder runs 0.12 to 0.35 s with its gear meshing at 300 to 700 Hz; with ``intensity``
    come bursts of 3 to 8 frames a second. ``event_rate`` in releases a second.
    """
    n = n_samples(duration_s, rate_hz)
    winds = rng.random() < 0.5
    lag_s, back_s, exposure_s = rng.uniform(0.035, 0.06), rng.uniform(0.06, 0.11), 1 / 10 ** rng.uniform(1.2, 2.7)
    frames_s = 1 / rng.uniform(3, 8)
    frames_s = max(frames_s, lag_s + exposure_s + back_s + 0.02)
    times: list[float] = []
    for time in event_times(rng, duration_s, event_rate, min(0.4, 0.5 / event_rate)):
        count = int(rng.integers(2, 6)) if rng.random() < 0.1 + 0.5 * intensity else 1
        start = max(time, times[-1] + frames_s) if times else time
        times += [start + frames_s * k for k in range(count)]
    shots = np.array(times)
    shots = shots[shots < duration_s]
    body_hz, body_t60s = np.sort(rng.uniform(320, 1600, 7)), rng.uniform(0.02, 0.05, 7)
    metal_hz, metal_t60s = np.sort(rng.uniform(1800, 9000, 14)), rng.uniform(0.006, 0.03, 14)
    parts = ((0.0, 0.25, 0.4), (0.6 * lag_s, 1.0, 0.7), (lag_s, 0.35, 0.9), (lag_s + exposure_s, 0.4, 1.0))
    parts += ((lag_s + exposure_s + 0.7 * back_s, 0.9, 0.7), (lag_s + exposure_s + back_s, 0.45, 0.4))
    delays, thuds, pings = (np.repeat(column, len(shots)) for column in np.array(parts).T)
    moments = np.tile(shots, len(parts)) + delays + 4e-4 * rng.standard_normal(len(delays))
    # Each part meets the modes in its own way, much the same every time.
    way = np.repeat(np.arange(len(parts)), len(shots))
    low = thuds[:, None] * np.abs(rng.standard_normal((len(parts), 7)))[way] * (1 + 0.08 * rng.standard_normal((len(way), 7)))
    high = pings[:, None] * rng.standard_normal((len(parts), 14))[way] * (1 + 0.12 * rng.standard_normal((len(way), 14)))
    x = ring(moments, low, body_hz, body_t60s, n, rate_hz) + ring(moments, 0.45 * high, metal_hz, metal_t60s, n, rate_hz)
    # Parts that land bounce: a rattle of some milliseconds.
    scrape = bursts(moments, 0.5 * pings, 0.0006, rng.uniform(0.003, 0.009), n, rate_hz)
    x += band(rng.standard_normal(n), 1500, 9000, rate_hz, 1) * scrape
    if winds:
        x += _winder(
            n, rate_hz, rng, shots + lag_s + exposure_s + back_s, rng.uniform(0.12, min(0.35, max(0.13, 0.9 * frames_s)))
        )
    return without_rumble(x, rate_hz, 80.0)


def _winder(n: int, rate_hz: int, rng: np.random.Generator, starts_s: Array, length_s: float) -> Array:
    """A small motor (n,) that runs for ``length_s`` from each start: gear meshing that spins up, commutator noise, a stop."""
    since = np.full(n, -1.0)
    for start in starts_s:
        low, high = int(max(start, 0) * rate_hz), int((start + length_s) * rate_hz)
        since[low:high] = np.arange(len(since[low:high])) / rate_hz
    runs = (since >= 0) * np.clip(since / 0.015, 0, 1) * np.clip((length_s - since) / 0.02, 0, 1)
    mesh = (
        rng.uniform(300, 700) * (1 - 0.6 * np.exp(-np.maximum(since, 0) / 0.03)) * (1 + 0.01 * slow_random(rng, n, rate_hz, 20))
    )
    phase = 2 * np.pi * np.cumsum(mesh) / rate_hz
    whirr = sum(np.sin(k * phase + rng.uniform(0, 6.28)) / k**0.6 for k in range(1, 9) if k * 700 < 0.45 * rate_hz)
    grind = band(noise(rng, n), 1200, 7000, rate_hz, 1) * (1 + 0.5 * np.sin(phase / 6))
    casing = resonances(whirr + 0.6 * grind, ((900, 500, 1.0), (2300, 900, 0.8), (4200, 1500, 0.5)), rate_hz)
    return 0.12 * casing * runs


# ----------------------------------------------------------------------------------------------- bicycle


def bicycle(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.12
) -> Array:
    """A bicycle: the pawls of the freewheel tick while it coasts, chain and tyres whirr, and now and then the bell rings.

    A hub of 18 to 36 notches on a wheel 2.1 m round ticks 40 to 130 times a second at 4 to 8 m/s, two pawls each a little
    late; pedalling, it is silent and chain links pass the sprocket. A thumb bell's strikers hit its cap in pairs 70 to 80 ms
    apart (recorded). ``event_rate`` in rings of the bell a second; ``intensity`` is the speed.
    """
    n = n_samples(duration_s, rate_hz)
    speed = rng.uniform(3.0, 4.5) * (0.6 + 1.1 * intensity) * (1 + 0.06 * slow_random(rng, n, rate_hz, 0.3))
    coasts = np.clip(0.5 + 3 * (slow_random(rng, n, rate_hz, 0.35) + rng.choice([-0.2, 0.8])), 0, 1)
    notches = rng.uniform(18, 36)
    turned = rng.random() + np.cumsum(speed / 2.1) * notches / rate_hz
    marks = np.arange(int(turned[0]) + 1, int(turned[-1]) + 1)
    times = np.interp(marks, turned, np.arange(n) / rate_hz)
    at = np.minimum((times * rate_hz).astype(int), n - 1)
    # A notch is never quite like the next: the pattern comes back once a turn of the wheel.
    gains = (coasts[at] > 0.5) * (1 + 0.25 * rng.standard_normal(40)[marks % int(notches)]) * rng.lognormal(0, 0.15, len(marks))
    # Pawl and notch are small and stiff: a broad click of some milliseconds, and only a hint of the hub and the spokes.
    hub_hz, hub_t60s = np.sort(np.exp(rng.uniform(np.log(500), np.log(8000), 28))), rng.uniform(0.002, 0.007, 28)
    hub_t60s[rng.integers(0, 28, 2)] = 0.02
    weights = rng.standard_normal(28) * (hub_hz / 2500) ** -0.6
    late_s, second = rng.uniform(0.0006, 0.003), rng.uniform(0.3, 0.8)
    both, strength = np.concatenate([times, times + late_s]), np.concatenate([gains, second * gains])
    wander = 1 + 0.35 * rng.standard_normal((len(both), 28))
    ticks = ring(both, 0.3 * strength[:, None] * weights * wander, hub_hz, hub_t60s, n, rate_hz)
    click = band(rng.standard_normal(n), 900, 6000, rate_hz, 1) * bursts(both, strength, 0.0002, 0.0015, n, rate_hz)
    links_hz = speed / 2.1 * rng.uniform(14, 20)
    meshing = np.maximum(np.sin(2 * np.pi * np.cumsum(links_hz) / rate_hz), 0) ** 4
    chain = band(noise(rng, n), 1500, 8000, rate_hz, 1) * (0.3 + meshing) * (1 - coasts)
    tyres = band(noise(rng, n, -3.0), 150, 3000, rate_hz, 1) * (speed / 5) ** 1.5 * gusts(rng, n, rate_hz, 1.5, 5.0)
    rolling = 0.05 * tyres + 0.04 * chain
    x = 0.3 * ticks + 0.3 * click + rolling + 0.5 * _thumb_bell(n, rate_hz, rng, event_rate)
    return without_rumble(x, rate_hz, 50.0)


def _thumb_bell(n: int, rate_hz: int, rng: np.random.Generator, rate_per_s: float) -> Array:
    """Rings of a bicycle bell (n,): each pull of the lever spins loose strikers that hit the cap four to six times."""
    strikes: list[float] = []
    time = rng.exponential(0.7 / rate_per_s)
    while time < n / rate_hz:
        for _ in range(int(rng.choice([1, 2, 3], p=[0.35, 0.5, 0.15]))):
            steps = np.cumsum(np.r_[0, rng.normal(0.075, 0.008, int(rng.integers(3, 6)))])
            strikes += list(time + steps)
            time += steps[-1] + rng.uniform(0.12, 0.25)
        time += rng.exponential(1 / rate_per_s)
    moments = np.array(strikes)
    force = rng.lognormal(0, 0.25, len(moments))
    return strike_gong(moments, force, rng.uniform(1900, 2700), n, rate_hz, rng)


SOUNDS: Mapping[str, Callable[..., NDArray[np.floating]]] = {
    "keyboard": keyboard,
    "saw": saw,
    "camera": camera,
    "bicycle": bicycle,
}

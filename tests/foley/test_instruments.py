"""Strings and winds: partials, pitch, balance, vibrato, against closed forms and published numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seehear.foley import strings, winds
from seehear.foley.phrases import Note, Tune, compose, hertz
from seehear.foley.strings import PLUCKED, _plucked, _struck, guitar, piano_inharmonicity, violin
from seehear.foley.sustained import Manner, gesture, harmonic_tone
from seehear.foley.winds import accordion, brass, flute
from seehear.types import InputError

RATE_HZ = 24_000
ALL = {**strings.SOUNDS, **winds.SOUNDS}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def peak_hz(x: np.ndarray, near_hz: float, span: float = 0.03) -> float:
    """The strongest frequency within ``span`` of ``near_hz``, interpolated between the bins of a long window."""
    size = 1 << 18
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)), size))
    freqs = np.fft.rfftfreq(size, 1 / RATE_HZ)
    inside = np.flatnonzero(np.abs(freqs / near_hz - 1) < span)
    return float(freqs[inside[np.argmax(power[inside])]])


def cents(a: float, b: float) -> float:
    return 1200 * np.log2(a / b)


def centroid_hz(x: np.ndarray) -> float:
    power, freqs = np.abs(np.fft.rfft(x)) ** 2, np.fft.rfftfreq(len(x), 1 / RATE_HZ)
    return float((freqs * power).sum() / power.sum())


@pytest.mark.parametrize("name", ALL)
def test_lengths_seeds_and_soundness(name: str) -> None:
    """Closed form: round(duration * rate) finite samples with sound; one seed one sound, two seeds two; no DC."""
    for duration_s, rate_hz, intensity in ((0.05, 8000, 0.0), (0.7, 44_100, 1.0), (0.1, 192_000, 0.3)):
        for seed in range(6 if rate_hz == 8000 else 1):
            x = ALL[name](duration_s, rate_hz, rng(seed), intensity=intensity)
            assert x.shape == (round(duration_s * rate_hz),) and np.isfinite(x).all() and x.any()
    a, b, c = (ALL[name](2.0, RATE_HZ, rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert abs(np.corrcoef(a, c)[0, 1]) < 0.3 and abs(a.mean()) < 0.005 * a.std()


@pytest.mark.parametrize("midi", [33, 48, 60])
def test_piano_partials_are_stretched(midi: int) -> None:
    """Closed form: f_n = n f_0 sqrt(1 + B n^2) within 0.1 % for the first twelve partials but the eighth, which is not struck."""
    x = _struck(Note(midi, 0.0, 3.0, 0.8), 1.0, 0.0, 9.0, RATE_HZ, rng(2))
    f0, stiffness = hertz(midi), piano_inharmonicity(midi)
    for n in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12):
        expected = n * f0 * np.sqrt(1 + stiffness * n**2)
        assert peak_hz(x[: 2 * RATE_HZ], expected, 0.01) == pytest.approx(expected, rel=1e-3)


def test_piano_inharmonicity_is_that_of_pianos() -> None:
    """Published numbers (Rigaud et al. 2011; Fletcher & Rossing, figure 12.9): 2e-4 to 6e-4 at C4, least near C3, 1e-2 at C8."""
    b = [piano_inharmonicity(m) for m in range(21, 109)]
    assert 2e-4 < piano_inharmonicity(60) < 6e-4 and 36 <= 21 + int(np.argmin(b)) <= 50 and 1e-2 < b[-1] < 5e-2


def test_piano_decay_and_hammer() -> None:
    """Published numbers: a bass note rings longer than one three octaves up (Bensa et al. 2003); forte is brighter."""
    falls = []
    for midi in (45, 81):
        x = _struck(Note(midi, 0.0, 3.0, 0.6), 1.0, 0.5, 9.0, RATE_HZ, rng(1))
        early, late = (np.mean(x[round(s * RATE_HZ) : round((s + 0.3) * RATE_HZ)] ** 2) for s in (0.1, 1.0))
        falls.append(10 * np.log10(early / late))
    assert falls[1] > 2 * falls[0] > 4
    soft, loud = (centroid_hz(_struck(Note(60, 0.0, 1.0, force), 1.0, 0.5, 9.0, RATE_HZ, rng(1))) for force in (0.1, 1.0))
    assert loud > 1.15 * soft


def test_plucked_partials() -> None:
    """Closed form: a pluck at a fifth of the string leaves out partials 5 and 10; pitch within 3 cents (B included)."""
    kind = replace(PLUCKED["steel"], at=(0.2, 0.2))
    x = _plucked(Note(45, 0.0, 3.0, 0.7), 45, kind, None, 9.0, RATE_HZ, rng(1))
    line = np.abs(np.fft.rfft(x * np.hanning(len(x))))
    freqs = np.fft.rfftfreq(len(x), 1 / RATE_HZ)

    def level(n: int) -> float:
        f = n * 110 * np.sqrt(1 + kind.inharmonicity * n**2)
        return float(line[np.abs(freqs - f) < 8].max())

    assert level(5) < 0.03 * level(4) and level(5) < 0.03 * level(6) and level(10) < 0.1 * level(9)
    assert abs(cents(peak_hz(x, 110.0), 110.0)) < 6


def test_nylon_loses_its_highs_first() -> None:
    """Published numbers (Woodhouse 2004): after half a second nylon has lost more above 2 kHz than steel, relative to below."""

    def loss_db(name: str) -> float:
        x = _plucked(Note(57, 0.0, 3.0, 0.7), 55, PLUCKED[name], None, 9.0, RATE_HZ, rng(1))
        shares = []
        for start in (0.02, 0.5):
            piece = x[round(start * RATE_HZ) :][:4096] * np.hanning(4096)
            power, freqs = np.abs(np.fft.rfft(piece)) ** 2, np.fft.rfftfreq(4096, 1 / RATE_HZ)
            shares.append(power[freqs > 2000].sum() / power[freqs < 2000].sum())
        return 10 * np.log10(shares[0] / shares[1])

    assert loss_db("nylon") > loss_db("steel") + 6


def test_harmonics_follow_the_loudness() -> None:
    """Planted answer: harmonics 1, 1/2, 1/3 at loudness 1, only the first at 0, half of each overtone between; within 0.1 %."""

    def planted(freqs: np.ndarray, loudness: float) -> np.ndarray:
        levels = np.zeros(len(freqs))
        levels[:3] = 1.0, 0.5 * loudness, loudness / 3
        return levels

    for loudness in (0.0, 0.5, 1.0):
        x = harmonic_tone(np.full(RATE_HZ, 300.0), np.full(RATE_HZ, loudness), planted, RATE_HZ, np.array([0.0, 1.0]))
        lines = np.abs(np.fft.rfft(x)) / (RATE_HZ / 2)
        assert lines[[300, 600, 900]] == pytest.approx([1, 0.5 * loudness, loudness / 3], abs=1e-3)
        assert np.delete(lines, [300, 600, 900]).max() < 1e-3


def test_vibrato_and_scoop() -> None:
    """Planted answer: 5.5 Hz, 20 cents, mean pitch A4 within 3 cents; a scoop starts below and has gone after 0.2 s."""
    manner = Manner(0.05, 0.1, 5.5, 20.0, 0.1, vibrato_after_s=0.0, scoop_cents=0.0, drift_cents=0.0)
    frequency, _ = gesture(Note(69, 0.0, 4.0, 0.6), manner, 2000, rng(3))
    bend = 1200 * np.log2(frequency[1000:] / 440)
    rises = np.sum((bend[:-1] < 0) & (bend[1:] >= 0))
    assert abs(bend.mean()) < 3 and rises / (len(bend) / 2000) == pytest.approx(5.5, rel=0.1)
    assert np.sqrt(2) * bend.std() == pytest.approx(20, rel=0.3)
    frequency, _ = gesture(Note(69, 0.0, 1.0, 0.6), replace(manner, vibrato_cents=0.0, scoop_cents=40.0), 2000, rng(1))
    assert 1200 * np.log2(frequency[0] / 440) < -10 and abs(1200 * np.log2(frequency[400] / 440)) < 1


def heard_cents(x: np.ndarray) -> np.ndarray:
    """Cents off equal temperament of every steady, clearly periodic stretch of 60 ms, by autocorrelation."""
    size, out = 1440, []
    for start in range(0, len(x) - 2 * size, 480):
        piece = x[start : start + 2 * size]
        if np.mean(piece**2) < 0.1 * np.mean(x**2):
            continue
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 8 * size)) ** 2
        correlation = np.fft.irfft(spectrum)[: size // 2]
        correlation /= correlation[0]
        best = 12 + int(np.argmax(correlation[12:]))
        if correlation[best] < 0.6 or best + 1 >= len(correlation):
            continue
        left, top, right = correlation[best - 1 : best + 2]
        period = best + 0.5 * (left - right) / (left - 2 * top + right)
        midi = 69 + 12 * np.log2(RATE_HZ / period / 440)
        out.append(100 * (midi - round(midi)))
    return np.array(out)


@pytest.mark.parametrize("name", ["violin", "brass", "saxophone", "flute"])
def test_voices_are_in_tune(name: str) -> None:
    """Closed form: equal temperament at A4 = 440 Hz; the median stretch is off by less than 6 cents, most by less than 30."""
    off = np.concatenate([heard_cents(ALL[name](5.0, RATE_HZ, rng(seed), intensity=0.5)) for seed in range(4)])
    assert len(off) > 200 and abs(np.median(off)) < 6 and np.mean(np.abs(off) < 30) > 0.85


def test_loud_brass_is_bright() -> None:
    """Published (Luce & Clark 1967; Hirschberg 1996): a trumpet's share above 3 kHz grows by more than 6 dB, soft to loud."""
    share = []
    for intensity in (0.0, 1.0):
        x = brass(5.0, RATE_HZ, rng(2), intensity=intensity, instrument="trumpet")
        power, freqs = np.abs(np.fft.rfft(x)) ** 2, np.fft.rfftfreq(len(x), 1 / RATE_HZ)
        share.append(10 * np.log10(power[freqs > 3000].sum() / power.sum()))
    assert share[1] > share[0] + 6


def test_flutes_have_few_harmonics() -> None:
    """Published (Fletcher 1975): a flute has less than 4 % of its energy above 4 kHz, a violin's lies higher."""
    for seed in range(4):
        x = flute(4.0, RATE_HZ, rng(seed))
        power, freqs = np.abs(np.fft.rfft(x)) ** 2, np.fft.rfftfreq(len(x), 1 / RATE_HZ)
        assert 10 * np.log10(power[freqs > 4000].sum() / power.sum()) < -14
    low = [np.median([np.abs(centroid_hz(f(4.0, RATE_HZ, rng(seed)))) for seed in range(4)]) for f in (flute, violin)]
    assert low[0] < low[1]


def test_accordion_reeds_beat() -> None:
    """Planted answer: two reeds 10 cents apart at A4 are two lines 2.54 Hz apart; a tune sounds most of the time."""
    t = np.full(4 * RATE_HZ, 440.0)

    def spectrum(freqs: np.ndarray, loudness: float) -> np.ndarray:
        return 1.0 / np.arange(1, len(freqs) + 1)

    pair = sum(harmonic_tone(t * 2 ** (c / 1200), np.full(len(t), 0.5), spectrum, RATE_HZ, np.zeros(1)) for c in (-5, 5))
    first = np.abs(np.fft.rfft(pair * np.hanning(len(pair)), 1 << 19))
    freqs = np.fft.rfftfreq(1 << 19, 1 / RATE_HZ)
    inside = np.flatnonzero((freqs > 435) & (freqs < 445))
    lines = [i for i in inside if first[i] > 0.5 * first[inside].max() and first[i] >= first[i - 1 : i + 2].max()]
    assert np.ptp(freqs[lines]) == pytest.approx(440 * (2 ** (5 / 1200) - 2 ** (-5 / 1200)), rel=0.01)
    levels = np.sqrt(np.mean(accordion(4.0, RATE_HZ, rng(1))[: 4 * RATE_HZ].reshape(-1, 240) ** 2, axis=1))
    assert np.mean(levels > 0.1 * levels.max()) > 0.6


@pytest.mark.parametrize("name", ALL)
def test_event_rate_is_notes_a_second(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted answer: the rate one asks for is that of the tune composed, whose notes are counted elsewhere."""
    asked = []

    def spy(*args: object, notes_per_s: float, **options: object) -> Tune:
        asked.append(notes_per_s)
        return compose(*args, notes_per_s=notes_per_s, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(strings if name in strings.SOUNDS else winds, "compose", spy)
    ALL[name](0.5, 8000, rng(1), event_rate=3.25)
    assert asked == [3.25]


@pytest.mark.parametrize(
    "make", [lambda: guitar(1.0, 8000, rng(), instrument="lute"), lambda: brass(1.0, 8000, rng(), instrument="kazoo")]
)
def test_unknown_instruments_are_refused(make: object) -> None:
    """Planted: InputError names what there is."""
    with pytest.raises(InputError, match="one of"):
        make()  # type: ignore[operator]

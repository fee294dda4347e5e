"""The built-in head beside a measured one: interaural time and level differences, and spectra, of the KEMAR manikin.

    python bench/binaural_kemar.py mit_kemar_normal_pinna.sofa --figure kemar.png

The SOFA file is the MIT measurement (Gardner & Martin 1995) or any SimpleFreeFieldHRIR with a horizontal plane.
ITD: onsets, where a 16 x oversampled ear first reaches a share of its peak (35 %). ILD: energy ratios in octave bands.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S
from seehear.acoustics.binaural import HEAD_RADIUS_M, hrir
from seehear.acoustics.sphere import directions_of

BANDS_HZ = (250, 500, 1000, 2000, 4000, 8000, 16000)
AZIMUTHS_DEG = np.arange(0, 181, 15)
ELEVATIONS_DEG = np.arange(-40, 91, 10)
UPSAMPLING = 16
ONSET = 0.35
N_FFT = 2048


@dataclass(frozen=True)
class Head:
    """Impulse responses (N, 2, L) at unit vectors ``directions`` (N, 3)."""

    name: str
    directions: np.ndarray
    responses: np.ndarray
    sample_rate_hz: int

    def at(self, azimuth_deg: np.ndarray, elevation_deg: np.ndarray) -> np.ndarray:
        """Impulse responses (M, 2, L) of the measured directions nearest to the wanted ones."""
        wanted = directions_of(np.radians(azimuth_deg), np.radians(elevation_deg))
        return self.responses[(wanted @ self.directions.T).argmax(axis=1)]

    @property
    def frequencies_hz(self) -> np.ndarray:
        return np.fft.rfftfreq(N_FFT, 1 / self.sample_rate_hz)


def measured_head(path: Path) -> Head:
    import sofar

    sofa = sofar.read_sofa(path, verbose=False)
    position = np.radians(sofa.SourcePosition[:, :2])
    return Head("KEMAR", directions_of(position[:, 0], position[:, 1]), sofa.Data_IR, int(np.ravel(sofa.Data_SamplingRate)[0]))


def built_in_head(like: Head) -> Head:
    return Head("seehear", like.directions, hrir(like.directions, like.sample_rate_hz), like.sample_rate_hz)


def itd_us(head: Head, azimuth_deg: np.ndarray) -> np.ndarray:
    """Interaural time differences in microseconds, positive when the left ear is first, by the onsets at `ONSET` of the peak."""
    ears = np.abs(resample_poly(head.at(azimuth_deg, 0 * azimuth_deg), UPSAMPLING, 1, axis=2))
    onset = (ears >= ONSET * ears.max(axis=2, keepdims=True)).argmax(axis=2)
    return (onset[:, 1] - onset[:, 0]) / (UPSAMPLING * head.sample_rate_hz) * 1e6


def woodworth_us(azimuth_deg: np.ndarray) -> np.ndarray:
    lateral = np.arcsin(np.sin(np.radians(azimuth_deg)))
    return HEAD_RADIUS_M / SPEED_OF_SOUND_M_S * (lateral + np.sin(lateral)) * 1e6


def band_energy_db(head: Head, azimuth_deg: np.ndarray, elevation_deg: np.ndarray) -> np.ndarray:
    """Energy (M, 2, bands) in octave bands in dB."""
    power = np.abs(np.fft.rfft(head.at(azimuth_deg, elevation_deg), N_FFT)) ** 2
    f = head.frequencies_hz
    bands = [power[..., (f >= c / 2**0.5) & (f < c * 2**0.5)].mean(axis=-1) for c in BANDS_HZ]
    return 10 * np.log10(np.stack(bands, axis=-1))


def ild_db(head: Head, azimuth_deg: np.ndarray) -> np.ndarray:
    """Interaural level differences (M, bands), the mean of both sides, positive when the near ear is louder."""
    left, right = np.moveaxis(band_energy_db(head, azimuth_deg, 0 * azimuth_deg), 1, 0)
    left_too, right_too = np.moveaxis(band_energy_db(head, -azimuth_deg, 0 * azimuth_deg), 1, 0)
    return ((left - right) + (right_too - left_too)) / 2


def print_tables(ours: Head, kemar: Head) -> None:
    print("ITD in us\nazimuth   " + "".join(f"{a:7.0f}" for a in AZIMUTHS_DEG))
    for name, values in (("Woodworth", woodworth_us(AZIMUTHS_DEG)), *((h.name, itd_us(h, AZIMUTHS_DEG)) for h in (ours, kemar))):
        print(f"{name:10s}" + "".join(f"{v:7.0f}" for v in values))
    azimuths = np.arange(0, 181, 5)
    error = np.abs(ild_db(ours, azimuths) - ild_db(kemar, azimuths)).mean(axis=0)
    size = np.abs(ild_db(kemar, azimuths)).mean(axis=0)
    front, back = np.array([0, 15, -15, 30, -30]), np.array([180, 165, 195, 150, 210])
    print("\nband in Hz                         " + "".join(f"{b:7d}" for b in BANDS_HZ))
    print("ILD, mean absolute error in dB     " + "".join(f"{v:7.1f}" for v in error))
    print("ILD of KEMAR, mean size in dB      " + "".join(f"{v:7.1f}" for v in size))
    for head in (ours, kemar):
        difference = (band_energy_db(head, front, 0 * front) - band_energy_db(head, back, 0 * back)).mean(axis=(0, 1))
        print(f"front minus back, {head.name:8s} in dB   " + "".join(f"{v:7.1f}" for v in difference))


def print_spectral_error(ours: Head, kemar: Head) -> None:
    """Mean distance of the diffuse-field equalised spectra over all directions, third octaves from 500 Hz to 16 kHz."""
    f, centres = kemar.frequencies_hz, 1000 * 2.0 ** (np.arange(-3, 13) / 3)
    spectra = {}
    for head in (ours, kemar):
        power = np.abs(np.fft.rfft(head.responses, N_FFT)) ** 2 / 10 ** (diffuse_spectrum_db(head) / 10)
        bands = [power[..., (f >= c * 2 ** (-1 / 6)) & (f < c * 2 ** (1 / 6))].mean(axis=-1) for c in centres]
        spectra[head.name] = 10 * np.log10(np.stack(bands, axis=-1))
    weight = np.hypot(kemar.directions[:, 0], kemar.directions[:, 1])
    for name, guess in (("no head at all", 0.0), (ours.name, spectra[ours.name])):
        error = np.abs(spectra[kemar.name] - guess).mean(axis=(1, 2)) @ weight / weight.sum()
        print(f"spectrum, mean absolute error over all directions, {name}: {error:.1f} dB")


def diffuse_spectrum_db(head: Head) -> np.ndarray:
    """Mean power over directions (F,) in dB, weighted by the solid angle of an equal-elevation grid."""
    power = (np.abs(np.fft.rfft(head.responses, N_FFT)) ** 2).mean(axis=1)
    weight = np.hypot(head.directions[:, 0], head.directions[:, 1]) + 0.02
    return 10 * np.log10(weight @ power / weight.sum())


def draw(ours: Head, kemar: Head, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(15, 8), layout="constrained")
    azimuths = np.arange(-180, 181, 5)
    for head, style in ((ours, "-"), (kemar, "--")):
        axes[0, 0].plot(azimuths, itd_us(head, azimuths), style, label=head.name)
        level = band_energy_db(head, azimuths, 0 * azimuths)
        for band, colour in ((1, "C0"), (3, "C1"), (4, "C2"), (5, "C3")):
            label = f"{BANDS_HZ[band]} Hz" if style == "-" else None
            axes[1, 0].plot(azimuths, level[:, 0, band] - level[:, 1, band], style, color=colour, label=label)
    axes[0, 0].plot(azimuths, woodworth_us(azimuths), ":k", label="Woodworth")
    axes[0, 0].set(title="ITD", xlabel="azimuth in degrees", ylabel="us")
    axes[1, 0].set(title="ILD (dashed: KEMAR)", xlabel="azimuth in degrees", ylabel="dB")
    planes = (("horizontal plane, left ear", azimuths, 0 * azimuths), ("median plane, front", 0 * ELEVATIONS_DEG, ELEVATIONS_DEG))
    for row, head in enumerate((ours, kemar)):
        common = diffuse_spectrum_db(head)
        for column, (title, azimuth, elevation) in enumerate(planes, start=1):
            spectra = 20 * np.log10(np.abs(np.fft.rfft(head.at(azimuth, elevation)[:, 0], N_FFT)) + 1e-6) - common
            angle = azimuth if column == 1 else elevation
            picture = axes[row, column].pcolormesh(head.frequencies_hz, angle, spectra, vmin=-25, vmax=12, cmap="magma")
            axes[row, column].set(xscale="log", xlim=(300, 18000), title=f"{head.name}: {title}", xlabel="Hz", ylabel="degrees")
            figure.colorbar(picture, ax=axes[row, column], label="dB over diffuse field")
    for axis in axes[:, 0]:
        axis.legend()
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sofa", type=Path, help="SimpleFreeFieldHRIR file")
    parser.add_argument("--figure", type=Path, help="PNG to write")
    arguments = parser.parse_args()
    kemar = measured_head(arguments.sofa)
    ours = built_in_head(kemar)
    print_tables(ours, kemar)
    print_spectral_error(ours, kemar)
    if arguments.figure:
        draw(ours, kemar, arguments.figure)


if __name__ == "__main__":
    main()

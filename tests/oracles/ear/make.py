"""What the EBU ADM Renderer (ITU-R BS.2127) makes of our ADM files, as numbers: writes `rendered.npz` beside this file.

The renderer needs numpy below 2, so it lives in an environment of its own:

    python3.11 -m venv /tmp/ear && /tmp/ear/bin/pip install "ear==2.1.0" "numpy<2" "setuptools<81"
    python tests/adm_programmes.py FOLDER                  # seehear's environment: writes the files
    /tmp/ear/bin/python tests/oracles/ear/make.py FOLDER   # this one: validates, renders, measures

Every file is opened, validated and rendered as `ear-render --strict` does; any warning stops this script. Sounds are steady, so
samples of the output are the gains of the loudspeakers. Kept per file and layout: gains (N, C) in the middles of 20 ms slots, and
`exact` (N, C): what ear's own panner, or its own spherical harmonics and decoder, give for the intended direction, without any
file; per layout: names of its loudspeakers and unit vectors (C, 3), x front, y left, z up; per file: axml, deflated, and chna.
`sphere`: gains (N, C) of ear's panner for directions over the sphere, in float16. `foreign` is an axml chunk
that ear wrote itself, with its chna.
"""

from __future__ import annotations

import sys
import warnings
import zlib
from fractions import Fraction
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # attrs 21 grumbles about Python 3.11 while ear is imported
    import lxml.etree
    import numpy as np
    from ear.cmdline.render_file import OfflineRenderDriver
    from ear.core import bs2051, hoa, point_source
    from ear.core.metadata_input import HOATypeMetadata
    from ear.core.scenebased.design import HOADecoderDesign
    from ear.fileio import openBw64, openBw64Adm
    from ear.fileio.adm import chna as adm_chna
    from ear.fileio.adm import timing_fixes
    from ear.fileio.adm import xml as adm_xml
    from ear.fileio.adm.builder import ADMBuilder
    from ear.fileio.adm.elements import AudioBlockFormatObjects, ObjectCartesianPosition, ObjectPolarPosition
    from ear.fileio.adm.generate_ids import generate_ids
    from ear.fileio.bw64.chunks import ChnaChunk

SLOT = 960
LEVEL = 0.5
OBJECT_LAYOUTS = ("9+10+3", "4+7+0")
SPEAKER_LAYOUTS = {"mono": "0+2+0", "stereo": "0+2+0", "5.1": "0+5+0", "7.1": "0+7+0", "5.1.4": "4+5+0", "7.1.4": "4+7+0"}


def rendered(path: Path, system: str) -> np.ndarray:
    """Output samples (T, C) of a file, after ear's own validation."""
    driver = OfflineRenderDriver(
        target_layout=system, speakers_file=None, output_gain_db=0, fail_on_overload=False, enable_block_duration_fix=False
    )
    layout, upmix, _ = driver.load_output_layout()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with openBw64Adm(str(path)) as file:
            file.adm.validate()
            timing_fixes.check_blockFormat_timings(file.adm)
            return np.concatenate(list(driver.render_input_file(file, layout, upmix)))


def unit_vectors(system: str) -> np.ndarray:
    """(C, 3) of a layout's loudspeakers where they nominally are."""
    positions = [channel.polar_nominal_position for channel in bs2051.get_layout(system).channels]
    azimuth = np.radians([p.azimuth for p in positions])  # + left, as here
    elevation = np.radians([p.elevation for p in positions])
    return np.stack([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], axis=1)


def exact(vectors: np.ndarray, system: str, order: int) -> np.ndarray:
    """Gains (N, C) of unit vectors (N, 3): panned, or encoded and decoded at an ambisonic ``order`` above 0."""
    layout = bs2051.get_layout(system)
    gains = np.zeros((len(vectors), len(layout.channels)))
    if order:
        n, m = hoa.from_acn(np.arange((order + 1) ** 2))
        azimuth = np.arctan2(vectors[:, 1], vectors[:, 0])
        elevation = np.arcsin(vectors[:, 2])
        encoded = hoa.sph_harm(n, m, azimuth[:, None], elevation[:, None], norm=hoa.norm_SN3D)
        design = HOADecoderDesign(layout.without_lfe).design(HOATypeMetadata(n.tolist(), m.tolist(), "SN3D"))
        gains[:, ~layout.is_lfe] = encoded @ design.T
    else:
        panner = point_source.configure(layout.without_lfe)
        right_front_up = np.stack([-vectors[:, 1], vectors[:, 0], vectors[:, 2]], axis=1)
        gains[:, ~layout.is_lfe] = [panner.handle(v) for v in right_front_up]
    return gains


def foreign() -> tuple[bytes, ChnaChunk]:
    """An axml chunk by ear: a polar and a cartesian object, ambisonics with definitions of its own in N3D."""
    builder = ADMBuilder()
    builder.create_programme(audioProgrammeName="a programme")
    builder.create_content(audioContentName="a content")
    polar = [
        AudioBlockFormatObjects(
            rtime=Fraction(i, 2),
            duration=Fraction(1, 2),
            position=ObjectPolarPosition(azimuth=30.0 * i, elevation=-10.0, distance=0.5),
            gain=0.25,
            width=45.0,
        )
        for i in range(3)
    ]
    cartesian = [AudioBlockFormatObjects(position=ObjectCartesianPosition(0.5, -1.0, 0.25), cartesian=True, diffuse=0.5)]
    builder.create_item_objects(0, "polar", block_formats=polar)
    builder.create_item_objects(4, "cartesian", block_formats=cartesian)
    builder.create_item_hoa([1, 2, 3, 5], [0, 1, 1, 1], [0, -1, 0, 1], "field", normalization="N3D")
    generate_ids(builder.adm)
    chna = ChnaChunk()
    adm_chna.populate_chna_chunk(chna, builder.adm)
    return lxml.etree.tostring(adm_xml.adm_to_xml(builder.adm), pretty_print=True), chna


def told(chna: ChnaChunk) -> np.ndarray:
    """The entries of a chna chunk, one line each."""
    rows = [(e.trackIndex, e.audioTrackUID, e.audioTrackFormatIDRef, e.audioPackFormatIDRef) for e in chna.audioIDs]
    return np.array([" ".join(map(str, row)) for row in rows])


def main(folder: Path) -> None:
    kept: dict[str, np.ndarray] = {}
    systems = sorted({*OBJECT_LAYOUTS, *SPEAKER_LAYOUTS.values()})
    for system in systems:
        kept[f"vectors {system}"] = unit_vectors(system)
        kept[f"names {system}"] = np.array([channel.name for channel in bs2051.get_layout(system).channels])
    for path in sorted(folder.glob("*.wav")):
        name = path.stem.partition("speakers ")[2]
        for system in (SPEAKER_LAYOUTS[name],) if name else OBJECT_LAYOUTS:
            samples = rendered(path, system)
            gains = samples[SLOT // 2 :: SLOT] / LEVEL
            kept[f"gains {path.stem} {system}"] = gains[: len(samples) // SLOT].astype(np.float32)
            if path.with_suffix(".npy").exists():
                order = int(path.stem[-1]) if path.stem.startswith("waves") else 0
                vectors = np.load(path.with_suffix(".npy"))
                kept[f"exact {path.stem} {system}"] = exact(vectors, system, order).astype(np.float32)
        with openBw64(str(path)) as file:
            kept[f"axml {path.stem}"] = np.frombuffer(zlib.compress(file.axml, 9), dtype=np.uint8)
            kept[f"chna {path.stem}"] = told(file.chna)
    for system in OBJECT_LAYOUTS:
        kept[f"sphere {system}"] = exact(np.load(folder / "sphere.npy"), system, 0).astype(np.float16)
    axml, chna = foreign()
    kept["foreign axml"] = np.frombuffer(zlib.compress(axml, 9), dtype=np.uint8)
    kept["foreign chna"] = told(chna)
    out = Path(__file__).with_name("rendered.npz")
    np.savez_compressed(out, **kept)
    print(f"{out}: {len(kept)} arrays, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

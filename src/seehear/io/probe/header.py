"""What the headers of media files say, as plain values; nothing here is guessed."""

from __future__ import annotations

from dataclasses import dataclass

from seehear.io.opus import OpusHead
from seehear.io.spherical import SpatialAudio
from seehear.types import Convention


@dataclass(frozen=True)
class Header:
    """A media file as its headers describe it."""

    container: str
    """RIFF/WAVE, RF64/WAVE, BW64/WAVE, FLAC, MP4 ..."""
    n_bytes: int
    codec: str = ""
    """Of the sound track that players choose, empty where there is none."""
    sample_rate_hz: int = 0
    n_channels: int = 0
    bits: int | None = None
    """Per sample; None where the codec has no fixed number."""
    layout: str = ""
    """The arrangement of loudspeakers in the container's own words (FFmpeg's for the compressed ones), empty for none."""
    texts: tuple[tuple[str, str], ...] = ()
    """Where something is written (INFO ICMT, bext, iXML, a tag) and what."""
    declared: Convention = ""
    """Ambisonic order and weights that the container declares in a field of its own."""
    wave: WaveHeader | None = None
    iso: IsoHeader | None = None
    opus: OpusHead | None = None


@dataclass(frozen=True)
class WaveHeader:
    """What a RIFF, RF64 or BW64 file says beyond the samples' format."""

    mask: int | None
    """dwChannelMask, None in a file that is not WAVE_FORMAT_EXTENSIBLE."""
    b_format: bool
    """Whether the format is the one of ``.amb`` files: channels W X Y Z in FuMa weights."""
    form_bytes: int | None
    """What the file should have by its first length (or ``ds64``); None where the writer knew none."""
    truncated: bool
    """Whether a chunk promises more bytes than the file has."""
    chunks: tuple[str, ...]


@dataclass(frozen=True)
class IsoHeader:
    """What an MP4 or QuickTime file says beyond the codecs."""

    brand: str
    n_sound_tracks: int
    sa3d: SpatialAudio | None
    """Of the first sound track."""
    picture_codec: str
    """Empty in a file without a picture."""
    width_px: int
    height_px: int
    spherical: str
    """Projection that the picture is marked with ("equirectangular", "cubemap", "mesh", "unknown"), empty for none."""
    spherical_v1: bool
    """Marked by the XML of Spherical Video V1, which older players read."""
    stereo_mode: str
    """"mono", "top-bottom", "left-right" or "custom" of ``st3d``; empty where there is none."""
    missing_bytes: int
    """What the boxes promise beyond the end of the file."""

"""Pictures from files: orientation, transparency, colour, depth, and every way to be unreadable."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

from seehear.io.image import read_image
from seehear.io.video import read_media
from seehear.types import Image, InputError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quadrants() -> np.ndarray:
    """24 x 32: red top left, green top right, blue bottom left, white bottom right."""
    rgb = np.zeros((24, 32, 3), np.uint8)
    rgb[:12, :16], rgb[:12, 16:], rgb[12:, :16], rgb[12:, 16:] = RED, GREEN, BLUE, WHITE
    return rgb


def png(path, samples: np.ndarray, colour_type: int, size: tuple[int, int] | None = None) -> None:
    """A 16-bit PNG by the letter of its specification (pillow writes none in colour), which may lie about its size."""
    width, height = size or samples.shape[1::-1]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    body = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)),
        (6, lambda a: a[::-1].transpose(1, 0, 2)),
        (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda a: a[:, ::-1].transpose(1, 0, 2)),
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp"])
def test_exif_orientation_is_applied(tmp_path, orientation, turned, suffix):
    """Oracle: EXIF 2.3, tag 0x112: which side of the scene row 0 and column 0 of the stored picture are."""
    exif = Pillow.Exif()
    exif[0x112] = orientation
    Pillow.fromarray(quadrants()).save(tmp_path / f"a{suffix}", exif=exif, lossless=True)
    assert np.array_equal(read_image(tmp_path / f"a{suffix}").rgb, turned(quadrants()))


def test_the_focal_length_is_told_or_none(tmp_path):
    """Oracle: planted EXIF values; 0 means unknown (EXIF 2.3, 0xA405)."""
    for focal, expected in ((28, 28.0), (0, None)):
        exif = Pillow.Exif()
        exif.get_ifd(0x8769)[0xA405] = focal
        Pillow.fromarray(quadrants()).save(tmp_path / "a.jpg", exif=exif)
        assert read_image(tmp_path / "a.jpg").focal_35mm == expected
    Pillow.fromarray(quadrants()).save(tmp_path / "b.jpg")
    assert read_image(tmp_path / "b.jpg").focal_35mm is None


def test_damaged_exif_does_not_refuse_the_picture(tmp_path):
    """Oracle: the picture without its planted, damaged EXIF."""
    Pillow.fromarray(quadrants()).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\0\0\0\xff\xff\xff\xff")
    assert np.array_equal(read_image(tmp_path / "a.png").rgb, quadrants())


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_laid_on_white(tmp_path, mode):
    """Oracle: closed form, alpha * colour + (1 - alpha) * 255, within rounding."""
    rgba = np.full((20, 20, 4), 100, np.uint8)
    rgba[:, :10, 3], rgba[:, 10:, 3] = 0, 51
    picture = Pillow.fromarray(rgba, "RGBA").convert(mode)
    picture.save(tmp_path / "a.png") if mode != "PA" else picture.save(tmp_path / "a.tiff")
    rgb = read_image(tmp_path / ("a.png" if mode != "PA" else "a.tiff")).rgb
    assert (rgb[:, :10] == 255).all() and np.abs(rgb[:, 10:].astype(int) - (0.2 * 100 + 0.8 * 255)).max() <= 1


def test_a_palette_with_a_transparent_entry(tmp_path):
    """Oracle: planted indices: entry 0 is transparent, so white; entry 1 is its colour."""
    picture = Pillow.new("P", (20, 20), 0)
    picture.putpalette([9, 9, 9, 10, 200, 30])
    picture.paste(1, (0, 0, 10, 20))
    picture.save(tmp_path / "a.png", transparency=0)
    rgb = read_image(tmp_path / "a.png").rgb
    assert (rgb[:, :10] == (10, 200, 30)).all() and (rgb[:, 10:] == 255).all()


def test_cmyk_without_a_profile(tmp_path):
    """Oracle: closed form, R = 255 (1 - C)(1 - K): cyan, and black, are what they are called."""
    cmyk = np.zeros((20, 20, 4), np.uint8)
    cmyk[:, :10, 0], cmyk[:, 10:, 3] = 255, 255
    Pillow.fromarray(cmyk, "CMYK").save(tmp_path / "a.tiff")
    rgb = read_image(tmp_path / "a.tiff").rgb
    assert (rgb[:, :10] == (0, 255, 255)).all() and (rgb[:, 10:] == 0).all()


def test_an_embedded_profile_is_applied(tmp_path):
    """Oracle: a profile with the sRGB primaries of red and green exchanged exchanges red and green."""
    Pillow.fromarray(quadrants()).save(tmp_path / "a.png", icc_profile=exchanged_profile())
    rgb = read_image(tmp_path / "a.png").rgb.astype(int)
    assert np.abs(rgb[2, 2] - GREEN).max() <= 3 and np.abs(rgb[2, 30] - RED).max() <= 3
    assert np.abs(rgb[20, 2] - BLUE).max() <= 3 and np.abs(rgb[20, 30] - WHITE).max() <= 3


def exchanged_profile() -> bytes:
    """A display profile (ICC.1:2001-04) with the D50 primaries of sRGB, red and green exchanged, gamma 2.2."""
    fixed = lambda *v: struct.pack(f">{len(v)}i", *(round(x * 65536) for x in v))  # noqa: E731
    xyz = lambda *v: b"XYZ \0\0\0\0" + fixed(*v)  # noqa: E731
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    tags = {
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"gXYZ": xyz(0.4361, 0.2225, 0.0139),
        b"rXYZ": xyz(0.3851, 0.7169, 0.0971),
        b"bXYZ": xyz(0.1431, 0.0606, 0.7141),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 2) + b"x\0" + bytes(78),
        b"cprt": b"text\0\0\0\0x\0\0\0",
    }
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s12s4s", size, b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ ", bytes(12), b"acsp")
    head = head + bytes(28) + fixed(0.9642, 1.0, 0.8249)
    return head + bytes(128 - len(head)) + struct.pack(">I", len(tags)) + table + body


def test_sixteen_bit_pictures_keep_their_range(tmp_path):
    """Oracle: closed form, v / 257; a 16-bit ramp must not be cut at 255."""
    ramp = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    expected = np.rint(ramp / 257)
    png(tmp_path / "grey.png", ramp, 0)
    png(tmp_path / "rgb.png", np.stack([ramp, ramp[::-1], ramp.T], axis=-1), 2)
    Pillow.fromarray(ramp).save(tmp_path / "grey.tiff")
    (tmp_path / "grey.pgm").write_bytes(b"P5 16 16 65535\n" + ramp.astype(">u2").tobytes())
    for name in ("grey.png", "grey.tiff", "grey.pgm"):
        assert np.abs(read_image(tmp_path / name).rgb[..., 0] - expected).max() <= 0.5, name
    rgb = read_image(tmp_path / "rgb.png").rgb
    assert np.abs(rgb - np.stack([expected, expected[::-1], expected.T], axis=-1)).max() <= 1


@pytest.mark.parametrize("peak", [1.0, 255.0, 65535.0])
def test_floating_point_pictures(tmp_path, peak):
    """Oracle: closed form, the ramp scaled by its usual white."""
    ramp = np.linspace(0, peak, 256, dtype=np.float32).reshape(16, 16)
    Pillow.fromarray(ramp).save(tmp_path / "a.tiff")
    assert np.abs(read_image(tmp_path / "a.tiff").rgb[..., 1] - ramp * (255 / peak)).max() <= 0.501


@pytest.mark.parametrize(
    ("mode", "suffix"), [("1", ".png"), ("L", ".bmp"), ("YCbCr", ".jpg"), ("RGB", ".avif"), ("RGB", ".jp2"), ("RGB", ".ppm")]
)
def test_other_modes_and_formats_hold_black_and_white(tmp_path, mode, suffix):
    """Oracle: planted halves, black and white, within the loss of the format."""
    halves = np.zeros((32, 32, 3), np.uint8)
    halves[:, 16:] = 255
    Pillow.fromarray(halves).convert(mode).save(tmp_path / f"a{suffix}")
    rgb = read_image(tmp_path / f"a{suffix}").rgb.astype(int)
    assert rgb[:, :12].max() <= 4 and rgb[:, 20:].min() >= 251


def bad_images(folder) -> dict:
    picture = Pillow.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    for suffix in ("jpg", "png", "gif", "webp", "tiff", "bmp", "avif", "jp2", "ppm"):
        picture.save(folder / f"whole.{suffix}")
        data = (folder / f"whole.{suffix}").read_bytes()
        (folder / f"half.{suffix}").write_bytes(data[: len(data) // 2])
    (folder / "text.png").write_text("this is not a picture " * 50)
    (folder / "empty.jpg").touch()
    (folder / "folder.png").mkdir()
    (folder / "zeros.png").write_bytes(bytes(5000))
    (folder / "heic.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    (folder / "script.png").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"/>')
    (folder / "page.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\nshowpage\n")
    Pillow.new("RGB", (15, 40)).save(folder / "small.png")
    Pillow.new("RGB", (1, 1)).save(folder / "one.png")
    Pillow.new("RGB", (16, 16 * 33)).save(folder / "long.png")
    png(folder / "bomb.png", np.zeros((16, 16)), 0, size=(14000, 14000))
    png(folder / "bigger.png", np.zeros((16, 16)), 0, size=(40000, 40000))
    return {
        **{
            f"half.{suffix}": "damaged|truncated|no known format"
            for suffix in ("jpg", "png", "gif", "webp", "tiff", "bmp", "avif", "jp2", "ppm")
        },
        "text.png": "no known format",
        "empty.jpg": "0 bytes",
        "folder.png": "is a folder",
        "missing.png": "does not exist",
        "zeros.png": "no known format",
        "heic.jpg": "HEIC is not supported",
        "script.png": "no known format",
        "page.png": "no known format",
        "small.png": "at least 16 px",
        "one.png": "at least 16 px",
        "long.png": "32 times",
        "bomb.png": "megapixels",
        "bigger.png": "megapixels",
    }


def test_unreadable_pictures_say_why(tmp_path):
    """Oracle: planted faults; each is one sentence that names the file, from both doors."""
    for name, message in bad_images(tmp_path).items():
        for read in (read_image, read_media):
            with pytest.raises(InputError, match=message) as caught:
                read(tmp_path / name)
            assert name in str(caught.value) and "\n" not in str(caught.value)


def test_damaged_pictures_never_crash(tmp_path):
    """Oracle: only an Image or an InputError comes back, whatever bytes are changed."""
    rng = np.random.default_rng(1)
    picture = Pillow.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8))
    for suffix in ("jpg", "png", "gif", "webp", "tiff", "bmp", "avif", "jp2", "ppm", "qoi"):
        picture.save(tmp_path / f"a.{suffix}")
        whole = np.frombuffer((tmp_path / f"a.{suffix}").read_bytes(), np.uint8)
        for _ in range(30):
            data = whole.copy()
            data[rng.integers(0, min(len(data), 400), 3)] = rng.integers(0, 256, 3)
            (tmp_path / "b").write_bytes(data.tobytes())
            try:
                assert isinstance(read_image(tmp_path / "b"), Image)
            except InputError as error:
                assert str(tmp_path / "b") in str(error)


def test_content_decides_not_the_name(tmp_path):
    """Oracle: a planted PNG under other names."""
    for name in ("a.mp4", "a", "a.txt", "größe 雨.jpg"):
        Pillow.fromarray(quadrants()).save(tmp_path / name, format="PNG")
        media = read_media(tmp_path / name)
        assert isinstance(media, Image) and np.array_equal(media.rgb, quadrants())

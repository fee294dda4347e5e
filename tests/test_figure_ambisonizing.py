import io

import numpy as np
from PIL import Image as Pillow

from seehear.figures import SeenFrame, ambisonized
from seehear.types import FOA, Audio, Direction, Image


def test_the_patch_that_stands_out_is_lit_where_it_is():
    """Planted answer: all energy in the second row, sixth column of a grey frame; there the picture glows, within a fiftieth of
    its side."""
    energy = np.zeros((7, 7), np.float32)
    energy[1, 5] = 1
    seen = [SeenFrame(0.0, Image(np.full((70, 70, 3), 128, np.uint8)), energy)]
    noise = np.random.default_rng(0).standard_normal((4, 4800)).astype(np.float32)
    field = Audio(0.1 * noise, 48000, FOA, "acn-sn3d")
    png = ambisonized(seen, field, Direction(1.0, 0.5), title="ein Föto", dpi=60)
    page = np.asarray(Pillow.open(io.BytesIO(png)).convert("RGB")).astype(int)
    top, bottom = (round((1 - at) * len(page)) for at in (0.925, 0.775))
    strip = page[top + 2 : bottom]
    paper = np.array([0x0F, 0x13, 0x18])
    rows, columns = np.nonzero(np.abs(strip - paper).sum(-1) > 60)
    glowing = np.array(np.nonzero((strip[..., 0] > 180) & (strip[..., 2] < strip[..., 0] - 40)))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    np.testing.assert_allclose((glowing[0].mean() + 0.5 - rows.min()) / height, 1.5 / 7, atol=0.02)
    np.testing.assert_allclose((glowing[1].mean() + 0.5 - columns.min()) / width, 5.5 / 7, atol=0.02)

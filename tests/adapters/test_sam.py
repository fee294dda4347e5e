import json
import shutil

import numpy as np
import pytest
import torch
from skimage import data

from planted import scenery
from seehear.adapters.hub import Machine
from seehear.adapters.mask_grid import Canvas, MaskGrid, enlarge, find_masks, predictor
from seehear.adapters.pictures import read_preprocessing
from seehear.adapters.sam import SamSegmenter, prepare
from seehear.types import Image, InputError
from tiny_models import tiny_depth_anything, tiny_sam

SIDE = 128
CPU = Machine("cpu", "float32", offline=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sam(tmp_path_factory.mktemp("sam"), image_px=SIDE)


def disc(x, y, radius, height, width):
    rows, columns = np.mgrid[:height, :width] + 0.5
    return 4 * (radius - np.hypot(columns - x, rows - y))  # steep enough to be stable


class Planted:
    """A model that knows its masks (soft, M at the canvas's size) and gives at every point the three that are asked for."""

    def __init__(self, canvas: Canvas, masks: list[tuple[np.ndarray, float]], grid_px: int = 256) -> None:
        cell = canvas.side_px / grid_px
        at = ((np.arange(grid_px) + 0.5) * cell).astype(int)
        self.masks = [(soft[np.ix_(at, at)].astype(np.float32), quality) for soft, quality in masks]
        self.asked: list[np.ndarray] = []

    def __call__(self, points):
        self.asked.append(points)
        logits = np.stack([soft for soft, _ in self.masks])
        return np.repeat(logits[None], len(points), 0), np.tile([quality for _, quality in self.masks], (len(points), 1))


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("shape", [(97, 131), (300, 200), (128, 128), (40, 300), (1, 500)])
def test_preprocessing_is_that_of_transformers(folder, shape):
    """Independent implementation: transformers' own pillow processor with the same settings, to 1e-6."""
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    pixels, canvas = prepare(Image(rgb), read_preprocessing(folder), SIDE)
    if shape == (1, 500):  # theirs would resize to a height of 0
        assert (canvas.height_px, canvas.width_px) == (1, SIDE)
        return
    settings = {"size": {"longest_edge": SIDE}, "pad_size": {"height": SIDE, "width": SIDE}}
    theirs = SamImageProcessorPil(**settings)(rgb, return_tensors="np")
    assert np.abs(pixels - theirs["pixel_values"][0]).max() < 1e-6
    assert (canvas.height_px, canvas.width_px) == tuple(theirs["reshaped_input_sizes"][0])


def test_one_encoding_answers_like_the_whole_model(folder):
    """Independent implementation: transformers' forward from pixels to masks, point by point, against batches of 3."""
    from transformers import SamModel

    image = Image(data.coffee()[:150, :190])
    segmenter = SamSegmenter(folder, CPU)
    pixels, canvas = prepare(image, read_preprocessing(folder), SIDE)
    points = canvas.points(np.array([[0.1, 0.2], [0.5, 0.5], [0.9, 0.3]]))
    logits, quality = predictor(segmenter._model, pixels, CPU)(points)
    whole = SamModel.from_pretrained(folder).eval()
    for i, point in enumerate(points):
        with torch.inference_mode():
            answer = whole(torch.from_numpy(pixels)[None], input_points=torch.from_numpy(point)[None, None, None])
        theirs = answer.pred_masks[0, 0].numpy()
        assert np.abs(logits[i] - theirs).max() < 1e-4 * np.abs(theirs).max()
        assert quality[i] == pytest.approx(answer.iou_scores[0, 0].numpy(), rel=1e-4)


@pytest.mark.parametrize(("height", "width"), [(128, 128), (90, 128), (128, 61)])
def test_masks_grow_as_those_of_transformers(folder, height, width):
    """Independent implementation: transformers' post_process_masks, soft values to 1e-5 of their range."""
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    soft = np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)
    ours = enlarge(soft, Canvas(SIDE, height, width), 2 * height + 3, 2 * width + 3)
    processor = SamImageProcessorPil(pad_size={"height": SIDE, "width": SIDE})
    args = (torch.from_numpy(soft)[None, None, None], [(2 * height + 3, 2 * width + 3)], [(height, width)])
    theirs = processor.post_process_masks(*args, binarize=False)[0][0, 0].numpy()
    if (height, width) == (SIDE, SIDE):  # a full square is enlarged in one step instead of two
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.98
    else:
        assert np.abs(ours - theirs).max() < 1e-5


def test_planted_discs_are_found():
    """Planted answer: two discs come back with IoU > 0.95; a repeat, doubtful, unstable, empty and all-covering masks do not."""
    image = Image(scenery(640, 360))
    canvas = Canvas(1024, 576, 1024)
    big, small = disc(300, 250, 140, 1024, 1024), disc(800, 400, 60, 1024, 1024)
    masks = [
        (big, 0.95),
        (small, 0.92),
        (disc(304, 252, 138, 1024, 1024), 0.94),  # the first once more
        (disc(700, 150, 80, 1024, 1024), 0.87),  # doubted by the model itself
        (0.1 * disc(500, 400, 80, 1024, 1024), 0.95),  # unstable
        (np.full((1024, 1024), -9.0), 0.99),
        (np.full((1024, 1024), 9.0), 0.99),
    ]
    planted = Planted(canvas, masks)
    regions = find_masks(image, planted, canvas, max_regions=5, outline="hull", grid=MaskGrid(4, points_per_batch=7))
    truths = [disc(300 / 1.6, 250 / 1.6, 140 / 1.6, 360, 640) > 0, disc(800 / 1.6, 400 / 1.6, 60 / 1.6, 360, 640) > 0]
    assert len(regions) == 2
    for region, truth in zip(regions, truths, strict=True):
        assert iou(region.mask, truth) > 0.95
        assert region.polygon is not None
    assert 1 > regions[0].saliency > regions[1].saliency > 0
    assert regions[0].box == pytest.approx((160 / 1.6, 110 / 1.6, 440 / 1.6, 390 / 1.6), abs=2.5)
    asked = np.concatenate(planted.asked)
    assert [len(batch) for batch in planted.asked] == [7, 7, 2]
    assert asked[[0, -1]].tolist() == [[128, 72], [896, 504]]


def test_crumbs_of_a_mask_do_not_widen_its_box():
    """Planted answer: an island of 5 x 5 pixels in a far corner is removed, so the box is the disc's alone."""
    canvas = Canvas(512, 512, 512)
    soft = disc(200, 200, 100, 512, 512)
    soft[480:486, 480:486] = 5
    [region] = find_masks(Image(scenery(512, 512)), Planted(canvas, [(soft, 0.95)]), canvas, grid=MaskGrid(2))
    assert region.box == pytest.approx((100, 100, 300, 300), abs=2)
    kept = find_masks(Image(scenery(512, 512)), Planted(canvas, [(soft, 0.95)]), canvas, grid=MaskGrid(2, least_px=1))
    assert kept[0].box[2] > 470


def test_whole_part_and_subpart_rank_by_what_they_show():
    """Planted answer: of three nested discs the whole comes first; a separate thing comes before its parts."""
    canvas = Canvas(512, 512, 512)
    whole, part, sub = (disc(180, 250, r, 512, 512) for r in (150, 70, 30))
    other = disc(430, 250, 60, 512, 512)
    planted = Planted(canvas, [(whole, 0.93), (part, 0.94), (sub, 0.95), (other, 0.9)])
    regions = find_masks(Image(scenery(512, 512)), planted, canvas, grid=MaskGrid(2))
    widths = [region.box[2] - region.box[0] for region in regions]
    assert widths == pytest.approx([300, 120, 140, 60], abs=3)


def test_no_good_mask_no_region():
    """Planted answer: masks that the model doubts give an empty list, not an error."""
    canvas = Canvas(128, 128, 128)
    planted = Planted(canvas, [(disc(60, 60, 30, 128, 128), 0.5)])
    assert find_masks(Image(scenery(128, 128)), planted, canvas, grid=MaskGrid(2)) == []


def test_numbers_that_are_none_are_an_error():
    """Planted answer: an overflow in half precision must not look like an empty picture."""
    canvas = Canvas(128, 128, 128)
    planted = Planted(canvas, [(disc(60, 60, 30, 128, 128), float("nan"))])
    with pytest.raises(InputError, match="not finite"):
        find_masks(Image(scenery(128, 128)), planted, canvas, grid=MaskGrid(2))
    with pytest.raises(InputError, match="at least one region"):
        find_masks(Image(scenery(128, 128)), planted, canvas, max_regions=0)
    with pytest.raises(InputError, match="at least one point"):
        MaskGrid(points_per_batch=0)


def test_a_checkpoint_segments_alike_every_time(folder):
    """Closed form: the same bytes from two loads of the same files; masks at the picture's size."""
    image = Image(data.coffee())
    first, second = (SamSegmenter(folder, CPU, grid=MaskGrid(8)).segment(image) for _ in range(2))
    assert len(first) >= 1
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.mask, b.mask) and (a.box, a.saliency) == (b.box, b.saliency)
        assert a.mask.shape == image.rgb.shape[:2]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays_close(folder, dtype):
    """Independent implementation: the same model in float32; masks of the half-precision encoder agree on 97 % of the pixels."""
    image = Image(data.coffee()[:150, :190])
    machine = Machine("cpu", dtype, offline=True)
    pixels, canvas = prepare(image, read_preprocessing(folder), SIDE)
    points = canvas.points(np.array([[0.3, 0.4], [0.6, 0.8]]))
    full, half = (predictor(SamSegmenter(folder, m)._model, pixels, m)(points)[0] for m in (CPU, machine))
    assert ((full > 0) == (half > 0)).mean() > 0.97
    assert not np.array_equal(full, half)


def test_what_is_no_sam_is_refused(tmp_path):
    """Conformance: another architecture is named with what was needed; missing settings and weights likewise."""
    image = Image(scenery(64, 48))
    other = tiny_depth_anything(tmp_path / "depth")
    with pytest.raises(InputError, match="depth_anything model where sam is needed"):
        SamSegmenter(other, CPU).segment(image)
    bare = tiny_sam(tmp_path / "bare")
    (bare / "preprocessor_config.json").unlink()
    with pytest.raises(InputError, match=r"no preprocessor_config\.json"):
        SamSegmenter(bare, CPU).segment(image)
    (bare / "preprocessor_config.json").write_text('{"size": {"longest_edge": 64}}')
    with pytest.raises(InputError, match="image_mean"):
        SamSegmenter(bare, CPU).segment(image)
    (bare / "preprocessor_config.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        SamSegmenter(bare, CPU).segment(image)
    (bare / "model.safetensors").unlink()
    with pytest.raises(InputError, match="safetensors"):
        SamSegmenter(bare, CPU).segment(image)


def test_settings_may_lie_in_the_processor_file(folder, tmp_path):
    """Conformance: transformers 5 writes the image processor's settings into processor_config.json."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    found = json.loads((copy / "preprocessor_config.json").read_text())
    (copy / "preprocessor_config.json").unlink()
    (copy / "processor_config.json").write_text(json.dumps({"image_processor": found, "processor_class": "SamProcessor"}))
    assert read_preprocessing(copy) == read_preprocessing(folder)

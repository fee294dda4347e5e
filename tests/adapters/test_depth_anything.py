from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skimage import data

from planted import scenery
from seehear.adapters.depth_anything import FAR_OVER_NEAR, DepthAnything, input_size, prepare, relative_depth
from seehear.adapters.hub import Machine
from seehear.adapters.pictures import Preprocessing, read_preprocessing
from seehear.systems.spatialize.place import Geometry
from seehear.types import Image, InputError
from seehear.vision.depth import depth_to_distance_m
from tiny_models import IMAGENET_MEAN, IMAGENET_STD, tiny_depth_anything, tiny_sam

CPU = Machine("cpu", "float32", offline=True)
PUBLISHED = Preprocessing(
    tuple(IMAGENET_MEAN), tuple(IMAGENET_STD), 1 / 255, 3, height_px=518, width_px=518, keep_aspect=True, multiple_px=14
)


@pytest.fixture(scope="module", params=[(False, 1), (False, 2), (True, 2)], ids=["v1", "v2", "metric"])
def folder(request, tmp_path_factory):
    metric, version = request.param
    return tiny_depth_anything(tmp_path_factory.mktemp("depth"), metric=metric, version=version)


class Planted:
    """A model that answers with what it was given, whatever the picture."""

    def __init__(self, answer: np.ndarray, kind: str) -> None:
        self.answer = torch.from_numpy(answer.astype(np.float32))[None]
        self.config = SimpleNamespace(depth_estimation_type=kind)

    def __call__(self, pixel_values):
        return SimpleNamespace(predicted_depth=self.answer)


def planted(folder, answer, kind) -> DepthAnything:
    estimator = DepthAnything(folder, CPU)
    vars(estimator)["_model"] = Planted(answer, kind)
    return estimator


@pytest.mark.parametrize("shape", [(480, 640), (1080, 1920), (300, 200), (518, 518), (100, 140)])
def test_preprocessing_is_that_of_transformers(shape):
    """Independent implementation: transformers' own pillow processor with the published settings, to 1e-6."""
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    size = {"height": 518, "width": 518}
    look = {"image_mean": IMAGENET_MEAN, "image_std": IMAGENET_STD, "resample": 3}
    theirs = DPTImageProcessorPil(size=size, ensure_multiple_of=14, keep_aspect_ratio=True, **look)(rgb, return_tensors="np")
    ours = prepare(Image(rgb), PUBLISHED)
    assert ours.shape == theirs["pixel_values"][0].shape
    assert np.abs(ours - theirs["pixel_values"][0]).max() < 1e-6


def test_the_shorter_side_has_the_models_size_and_strips_are_squeezed():
    """Closed form: 1920 x 1080 becomes 924 x 518 (multiples of 14); no side passes four times the model's."""
    assert input_size(1080, 1920, PUBLISHED) == (518, 924)
    assert input_size(1000, 30_000, PUBLISHED) == (518, 4 * 518)
    assert input_size(1, 400, PUBLISHED)[0] == 14
    assert input_size(600, 800, Preprocessing((0, 0, 0), (1, 1, 1), 1, 2, height_px=384, width_px=384)) == (384, 384)


def test_the_whole_way_is_that_of_transformers(folder):
    """Independent implementation: their processor, model and forward at the model's own size (no resizing), to 1e-4."""
    from transformers import AutoImageProcessor, DepthAnythingForDepthEstimation

    rgb = np.ascontiguousarray(data.coffee()[:70, :98])
    estimator = DepthAnything(folder, CPU)
    depth = estimator.estimate_depth(Image(rgb), [])
    theirs = AutoImageProcessor.from_pretrained(folder, use_fast=False)(rgb, return_tensors="pt")
    with torch.inference_mode():
        answer = DepthAnythingForDepthEstimation.from_pretrained(folder).eval()(**theirs).predicted_depth[0].numpy()
    wanted = answer if depth.metric else relative_depth(answer)
    assert np.ptp(answer) > 1
    assert np.abs(depth.depth - wanted).max() < 1e-4 * np.abs(wanted).max()
    again = DepthAnything(folder, CPU).estimate_depth(Image(rgb), [])
    assert np.array_equal(again.depth, depth.depth)


def test_metres_stay_metres(tmp_path):
    """Planted answer: a plane that recedes from 2 to 80 m comes back in metres, at the size of the picture, exactly."""
    folder = tiny_depth_anything(tmp_path, metric=True)
    rows = np.linspace(2, 80, 70)[:, None] * np.ones((70, 70))
    depth = planted(folder, rows, "metric").estimate_depth(Image(scenery(70, 70)), [])
    assert depth.metric
    assert np.abs(depth.depth - rows).max() < 1e-4
    large = planted(folder, rows, "metric").estimate_depth(Image(scenery(700, 350)), [])
    assert large.depth.shape == (350, 700)
    # bilinear, pixel centres: row r of the large one lies at (r + 1/2) / 5 - 1/2 of the small one
    inner = np.arange(5, 345)
    assert np.abs(large.depth[inner, 3] - np.interp((inner + 0.5) / 5 - 0.5, np.arange(70), rows[:, 0])).max() < 1e-3


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (300.0, 17.0), (0.02, -4.0)])
def test_distances_come_back_from_disparity_of_any_scale_and_shift(scale, shift):
    """Closed form: distances from near to far, seen as a / Z + b, are the same distances again."""
    near_m, far_m = Geometry().near_m, Geometry().far_m
    metres = np.concatenate([np.full(60, near_m), np.geomspace(near_m, far_m, 4000), np.full(60, far_m)])
    depth = relative_depth((scale / metres + shift).reshape(1, -1).astype(np.float64))
    back = depth_to_distance_m(depth[0], near_m, far_m)
    assert np.abs(back / metres - 1).max() < 1e-5


def test_the_default_range_is_that_of_the_command_line():
    """Closed form: the ratio of --far to --near."""
    assert pytest.approx(Geometry().far_m / Geometry().near_m, rel=1e-12) == FAR_OVER_NEAR


def test_near_is_zero_far_is_one_and_flat_is_halfway():
    """Closed form: greatest disparity 0, least 1; single wild pixels do not stretch the scale; no difference is 0.5."""
    disparity = np.linspace(1, 9, 10_000).reshape(100, 100).astype(np.float32)
    depth = relative_depth(disparity)
    assert (depth[-1, -1], depth[0, 0]) == (0, 1)
    assert (np.diff(depth.ravel()) <= 0).all()
    wild = disparity.copy()
    wild[50, 50] = 1e4
    assert np.abs(relative_depth(wild) - depth).mean() < 0.002
    assert (relative_depth(np.full((4, 4), 3.0, np.float32)) == 0.5).all()
    with pytest.raises(InputError, match="farther than near"):
        relative_depth(disparity, 1.0)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays_close(folder, dtype):
    """Independent implementation: the same model in float32, to 3 % of the range."""
    image = Image(data.coffee()[:140, :190])
    exact = DepthAnything(folder, CPU).estimate_depth(image, [])
    rough = DepthAnything(folder, Machine("cpu", dtype, offline=True)).estimate_depth(image, [])
    assert rough.depth.dtype == np.float32
    assert 0 < np.abs(rough.depth - exact.depth).mean() < 0.03 * np.ptp(exact.depth)


def test_what_cannot_be_depth_is_refused(tmp_path):
    """Conformance: another architecture, and numbers that are none, are named."""
    image = Image(scenery(64, 48))
    with pytest.raises(InputError, match="sam model where depth_anything is needed"):
        DepthAnything(tiny_sam(tmp_path / "sam"), CPU).estimate_depth(image, [])
    folder = tiny_depth_anything(tmp_path / "depth")
    broken = np.full((70, 98), np.nan)
    with pytest.raises(InputError, match="not finite"):
        planted(folder, broken, "relative").estimate_depth(image, [])
    assert read_preprocessing(folder).multiple_px == 14

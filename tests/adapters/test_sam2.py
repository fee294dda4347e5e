import json

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from skimage import data

from planted import scenery
from seehear.adapters.hub import Machine
from seehear.adapters.mask_grid import MaskGrid, predictor
from seehear.adapters.pictures import read_preprocessing
from seehear.adapters.sam2 import Sam2Segmenter, prepare
from seehear.types import Image, InputError
from tiny_models import IMAGENET_MEAN, IMAGENET_STD, tiny_sam, tiny_sam2

SIDE = 128
CPU = Machine("cpu", "float32", offline=True)


@pytest.fixture(scope="module", params=["sam2_video", "sam2"])
def folder(request, tmp_path_factory):
    return tiny_sam2(tmp_path_factory.mktemp(request.param), image_px=SIDE, video=request.param == "sam2_video")


@pytest.mark.parametrize("shape", [(97, 131), (300, 40), (128, 128)])
def test_preprocessing_is_the_published_formula(folder, shape):
    """Closed form: bilinear to a square, then (rgb / 255 - mean) / std; a picture of one colour exactly, any other by pillow."""
    how = read_preprocessing(folder)
    plain = np.full((*shape, 3), (200, 100, 50), np.uint8)
    pixels, canvas = prepare(Image(plain), how, SIDE)
    wanted = (np.array([200, 100, 50]) / 255 - IMAGENET_MEAN) / IMAGENET_STD
    assert np.abs(pixels - wanted[:, None, None]).max() < 1e-6
    assert (canvas.height_px, canvas.width_px, canvas.side_px) == (SIDE, SIDE, SIDE)
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    square = np.asarray(Pillow.fromarray(rgb).resize((SIDE, SIDE), Pillow.Resampling.BILINEAR))
    wanted = ((square / 255 - IMAGENET_MEAN) / IMAGENET_STD).transpose(2, 0, 1)
    assert np.abs(prepare(Image(rgb), how, SIDE)[0] - wanted).max() < 1e-6


def test_one_encoding_answers_like_the_whole_model(folder):
    """Independent implementation: transformers' forward from pixels to masks, point by point, against one batch."""
    from transformers import Sam2Model

    image = Image(data.coffee()[:150, :190])
    pixels, canvas = prepare(image, read_preprocessing(folder), SIDE)
    points = canvas.points(np.array([[0.1, 0.2], [0.5, 0.5], [0.9, 0.3]]))
    logits, quality = predictor(Sam2Segmenter(folder, CPU)._model, pixels, CPU)(points)
    whole = Sam2Model.from_pretrained(folder).eval()
    for i, point in enumerate(points):
        with torch.inference_mode():
            answer = whole(torch.from_numpy(pixels)[None], input_points=torch.from_numpy(point)[None, None, None])
        theirs = answer.pred_masks[0, 0].numpy()
        assert np.abs(logits[i] - theirs).max() < 1e-4 * np.abs(theirs).max()
        assert quality[i] == pytest.approx(answer.iou_scores[0, 0].numpy(), rel=1e-4)


def test_a_checkpoint_segments_alike_every_time_and_quietly(folder, capfd):
    """Closed form: the same masks from two loads of the same files; no warning that the checkpoint also holds a video model."""
    image = Image(data.coffee())
    first, second = (Sam2Segmenter(folder, CPU, grid=MaskGrid(8)).segment(image) for _ in range(2))
    assert len(first) >= 1
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.mask, b.mask) and (a.box, a.saliency) == (b.box, b.saliency)
        assert a.mask.shape == image.rgb.shape[:2]
    assert "instantiate a model of type" not in capfd.readouterr().err


def test_half_precision_stays_close(folder):
    """Independent implementation: the same model in float32; masks of a bfloat16 encoder agree on 97 % of the pixels."""
    half = Machine("cpu", "bfloat16", offline=True)
    pixels, canvas = prepare(Image(data.coffee()[:150, :190]), read_preprocessing(folder), SIDE)
    points = canvas.points(np.array([[0.3, 0.4], [0.6, 0.8]]))
    exact, rough = (predictor(Sam2Segmenter(folder, m)._model, pixels, m)(points)[0] for m in (CPU, half))
    assert ((exact > 0) == (rough > 0)).mean() > 0.97
    assert not np.array_equal(exact, rough)


def test_what_is_no_sam2_is_refused(tmp_path):
    """Conformance: SAM is not SAM 2, and a configuration without its parts is none."""
    image = Image(scenery(64, 48))
    with pytest.raises(InputError, match="sam model where sam2 or sam2_video is needed"):
        Sam2Segmenter(tiny_sam(tmp_path / "sam"), CPU).segment(image)
    folder = tiny_sam2(tmp_path / "sam2")
    config = json.loads((folder / "config.json").read_text())
    del config["mask_decoder_config"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="lacks mask_decoder_config"):
        Sam2Segmenter(folder, CPU).segment(image)

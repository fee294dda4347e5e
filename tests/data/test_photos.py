import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from seehear.adapters.builtin import PACKS
from seehear.data.photos import BOX_CLASSES, PERMISSIVE, Photo, crop, photo_crops, read_photos, surroundings
from seehear.types import InputError
from seehear.weights import read_manifest


def test_a_folder_comes_back_with_labels_and_boxes(tmp_path):
    """Planted answer: a red rectangle, its YOLO row, and the crop of its box is red."""
    rgb = np.zeros((60, 100, 3), np.uint8)
    rgb[15:45, 20:60] = (200, 10, 10)
    Pillow.fromarray(rgb).save(tmp_path / "a.png")
    (tmp_path / "index.csv").write_text("file,label\na.png,dog|red thing\n", "utf-8")
    (tmp_path / "classes.json").write_text(json.dumps({"box_classes": {"16": "dog"}}), "utf-8")
    (tmp_path / "boxes_yolo").mkdir()
    (tmp_path / "boxes_yolo" / "a.txt").write_text("16 0.4 0.5 0.4 0.5\n", "utf-8")
    (photo,) = read_photos(tmp_path)
    assert photo.words == ("dog", "red thing")
    ((label, box),) = photo.boxes
    assert label == "dog" and box == pytest.approx((20, 15, 60, 45))
    assert (crop(photo.rgb(), box, margin=0) == (200, 10, 10)).all()
    assert crop(photo.rgb(), box, margin=0).shape == (30, 40, 3)
    assert crop(photo.rgb(), box, margin=0.1).shape == (36, 48, 3)
    assert crop(photo.rgb(), (90, 50, 120, 80), margin=1.0).shape[:2] == (40, 40)


def test_a_folder_without_an_index_is_refused(tmp_path):
    """Planted fault."""
    with pytest.raises(InputError, match="no photo index"):
        read_photos(tmp_path)


def test_the_photo_folders_have_their_published_sizes(media):
    """Published number: 22, 22, 6 and 9 permissive photos (media README); every box lies in its picture."""
    folders = {name: read_photos(media / name) for name in PERMISSIVE}
    assert {name: len(photos) for name, photos in folders.items()} == dict(zip(PERMISSIVE, (22, 22, 6, 9), strict=True))
    for photo in folders["photos_coco_ccby"]:
        with Pillow.open(photo.path) as picture:
            width, height = picture.size
        for _, (x0, y0, x1, y1) in photo.boxes:
            assert -1 <= x0 < x1 <= width + 1 and -1 <= y0 < y1 <= height + 1


def test_surroundings_avoid_the_boxes():
    """Closed form: boxes lie inside the picture and overlap the labelled one by less than a tenth of their area."""
    photo = Photo(Path("a.png"), (), (("dog", (40.0, 20.0, 80.0, 90.0)),))
    boxes = surroundings(photo, (200, 100), 8, np.random.default_rng(0))
    assert len(boxes) == 8
    for x0, y0, x1, y1 in boxes:
        assert 0 <= x0 < x1 <= 200 and 0 <= y0 < y1 <= 100
        shared = max(0, min(x1, 80) - max(x0, 40)) * max(0, min(y1, 90) - max(y0, 20))
        assert shared < 0.1 * (x1 - x0) * (y1 - y0)


def test_crops_are_named_by_what_they_show(tmp_path):
    """Planted answer: a dog's box, a chair's box (silent), surroundings, and a photo without boxes as a whole."""
    for name, colour in (("a", (10, 10, 10)), ("b", (0, 0, 255))):
        Pillow.new("RGB", (200, 100), colour).save(tmp_path / f"{name}.png")
    boxed = Photo(tmp_path / "a.png", ("dog",), (("dog", (0, 0, 60, 60)), ("chair", (60, 0, 120, 60)), ("dog", (0, 0, 9, 60))))
    crops = photo_crops([boxed, Photo(tmp_path / "b.png", ("sea", "island (calm)"))], 16, surroundings_per_photo=3)
    assert [crops.classes[label] for label in crops.labels] == [
        "coco/dog",
        "crops/thing",
        *["crops/surroundings"] * 3,
        "photos/sea",
    ]
    assert (crops.pixels[-1].max((1, 2)) == (0, 0, 255)).all() and crops.pixels[:-1].max() == 10


def test_the_shipped_weights_learned_the_box_classes():
    """Conformance: every box class in the manifest is one that crops are still named by, so that a training run repeats."""
    for entry in (read_manifest()[pack] for pack in PACKS.values()):
        learned = {name.removeprefix("coco/") for name in entry["classes"] if name.startswith("coco/")}
        assert "person" in learned and learned <= BOX_CLASSES


def test_half_of_the_photos_are_held_out(media):
    """Published number: docs/models.md says 36 of the 59 permissive photos are held out, the cat among them."""
    photos = [photo for name in PERMISSIVE for photo in read_photos(media / name)]
    held_out = [photo.path.name for photo in photos if photo.held_out]
    assert len(held_out) == 36 and "skimage_chelsea.png" in held_out
    assert all(photo.source for photo in photos)

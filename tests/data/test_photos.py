import json

import numpy as np
import pytest
from PIL import Image as Pillow

from seehear.data.photos import PERMISSIVE, crop, read_photos
from seehear.types import InputError


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

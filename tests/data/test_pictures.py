import csv
import io
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from seehear.data.pictures import join, read_archive, split
from seehear.data.rendered import PAINTERS, corner_pictures, rendered_pictures
from seehear.types import InputError

COLOURS = {"red": (200, 20, 20), "blue": (20, 20, 200)}


def write_archive(path: Path, per_class: int = 20) -> Path:
    """A zip of one-colour pictures in the archives' format."""
    index = io.StringIO()
    writer = csv.writer(index)
    writer.writerow(("file", "class", "sound_class"))
    with zipfile.ZipFile(path, "w") as archive:
        for name, colour in COLOURS.items():
            for i in range(per_class):
                data = io.BytesIO()
                Pillow.new("RGB", (40 + i, 30), colour).save(data, "PNG")
                archive.writestr(f"set/{name}/{i}.png", data.getvalue())
                writer.writerow((f"{name}/{i}.png", name, f"sound of {name}"))
        archive.writestr("set/labels.csv", index.getvalue())
    return path


def test_an_archive_comes_back_with_its_labels(tmp_path):
    """Round trip: colours, classes and sound classes are those that were written."""
    pictures = read_archive(write_archive(tmp_path / "a.zip"), "mine", 16)
    assert pictures.pixels.shape == (40, 3, 16, 16)
    assert pictures.classes == ("mine/blue", "mine/red") and pictures.sound_classes == ("sound of blue", "sound of red")
    for picture, label in zip(pictures.pixels, pictures.labels, strict=True):
        expected = COLOURS[pictures.classes[label].removeprefix("mine/")]
        assert (picture == np.array(expected)[:, None, None]).all()


def test_a_split_is_disjoint_complete_balanced_and_stable(tmp_path):
    """Closed form: 20 of a class give 14, 2 and 4; the membership depends on names only, not on order."""
    pictures = read_archive(write_archive(tmp_path / "a.zip"), "mine", 8)
    parts = split(pictures)
    names = [set(part.names) for part in (parts.train, parts.validation, parts.test)]
    assert names[0] | names[1] | names[2] == set(pictures.names) and sum(map(len, names)) == 40
    for part, count in zip((parts.train, parts.validation, parts.test), (14, 2, 4), strict=True):
        assert Counter(part.labels.tolist()) == {0: count, 1: count}
    shuffled = pictures.take(np.random.default_rng(0).permutation(40))
    assert set(split(shuffled).test.names) == names[2]


def test_join_renumbers_labels(tmp_path):
    """Round trip: every picture keeps its class name."""
    a = read_archive(write_archive(tmp_path / "a.zip", 3), "a", 8)
    b = read_archive(write_archive(tmp_path / "b.zip", 2), "b", 8)
    both = join(a, b, a)
    assert both.classes == ("a/blue", "a/red", "b/blue", "b/red")
    for name, label in zip(both.names, both.labels, strict=True):
        assert name.startswith(both.classes[label])


def test_missing_or_foreign_archives_are_refused(tmp_path):
    """Planted fault: no file, and a zip without an index."""
    with pytest.raises(InputError, match="no picture archive"):
        read_archive(tmp_path / "none.zip", "x", 8)
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("a.txt", "")
    with pytest.raises(InputError, match=r"labels\.csv"):
        read_archive(tmp_path / "empty.zip", "x", 8)


def test_the_caltech_archive_has_its_published_size(media):
    """Published number: 62 classes, 54 sound classes, 2440 pictures (media README); 2 of each are read here."""
    path = media / "images_caltech101.zip"
    if not path.is_file():
        pytest.skip(f"needs the pictures at {path}")
    pictures = read_archive(path, "caltech101", 16, per_class=2)
    assert len(pictures) == 124 and len(pictures.classes) == 62 and len(set(pictures.sound_classes)) == 54


def test_rendered_pictures_look_like_their_names():
    """Planted answer: walls have one colour, pages are grey with letters, skies change downwards, a field is two halves."""
    pictures = rendered_pictures(12, 48)
    assert len(pictures) == 12 * len(PAINTERS)
    by_name = {name: pictures.pixels[pictures.labels == i].astype(float) for i, name in enumerate(PAINTERS)}
    middle, edge = by_name["wall"][..., 20:28, 20:28].mean((2, 3)), by_name["wall"].mean((2, 3))
    assert np.abs(middle - edge).max() < 6
    page = by_name["page"]
    assert np.ptp(page, axis=1).max() == 0 and page.std((1, 2, 3)).min() > 10
    assert (np.ptp(by_name["sky"].mean((1, 3)), axis=1) > 20).mean() > 0.9
    assert (np.abs(by_name["field"][:, :, :8].mean((2, 3)) - by_name["field"][:, :, -8:].mean((2, 3))).max(1) > 15).mean() > 0.7


def test_rendering_is_a_function_of_the_seed():
    """Closed form: same seed, same bytes; and picture i does not depend on how many are made."""
    a, b = rendered_pictures(3, 32, seed=5), rendered_pictures(2, 32, seed=5)
    assert (a.pixels[a.labels == 0][:2] == b.pixels[b.labels == 0]).all()
    assert (a.pixels != rendered_pictures(3, 32, seed=6).pixels).any()


def test_corners_show_corners(tmp_path):
    """Planted answer: in a picture with a white middle and black surroundings every corner is black."""
    pictures = read_archive(write_archive(tmp_path / "a.zip", 4), "a", 50)
    pictures.pixels[:] = 0
    pictures.pixels[:, :, 22:28, 22:28] = 255
    corners = corner_pictures(pictures, 8)
    assert len(corners) == 8 and corners.pixels.max() == 0 and corners.classes == ("rendered/corner",)

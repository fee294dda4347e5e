import csv
import subprocess
import sys

import numpy as np
import pytest
from skimage import data

from seehear.adapters.builtin import PACKS, BuiltinRecognizer, concept_matrix, concept_of_class, photo_odds, shifted
from seehear.types import Image
from seehear.vocabulary import concepts, label_concepts
from seehear.weights import read_manifest


@pytest.fixture(scope="module", params=list(PACKS))
def recognizer(request) -> BuiltinRecognizer:
    return BuiltinRecognizer(PACKS[request.param])


def test_probabilities_sum_to_one_over_the_whole_vocabulary(recognizer):
    """Closed form: concept scores and unknown are a distribution, also for odd shapes and one-colour pictures."""
    rng = np.random.default_rng(0)
    shapes = ((16, 16), (20, 400), (333, 31))
    images = [Image(rng.integers(0, 256, (*shape, 3), dtype=np.uint8)) for shape in shapes] + [
        Image(np.zeros((50, 50, 3), np.uint8))
    ]
    for scores in recognizer.recognize(images):
        assert list(scores.scores) == list(concepts())
        assert min(scores.scores.values()) >= 0 and scores.unknown >= 0
        assert sum(scores.scores.values()) + scores.unknown == pytest.approx(1, abs=1e-9)


def test_the_cat_is_a_cat(recognizer):
    """Planted answer: the CC0 cat that scikit-image ships, which no weights were trained on."""
    scores = recognizer.recognize([Image(data.cat())])[0]
    assert scores.top(1)[0][0] == "cat"
    assert scores.top(1)[0][1] > 0.3


@pytest.mark.parametrize("colour", [(255, 255, 255), (30, 60, 120), (128, 128, 128)])
def test_a_blank_wall_is_unknown(recognizer, colour):
    """Planted answer: a picture of one colour sounds like nothing."""
    blank = np.broadcast_to(np.array(colour, np.uint8), (120, 160, 3)).copy()
    assert recognizer.recognize([Image(blank)])[0].unknown > 0.8


def test_batches_do_not_mix(recognizer):
    """Closed form: a picture scores the same alone and in a batch, and twice the same bytes."""
    rng = np.random.default_rng(1)
    images = [Image(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)) for _ in range(5)]
    together = BuiltinRecognizer(recognizer.pack, batch_size=2).recognize(images)
    for image, scores in zip(images, together, strict=True):
        alone = recognizer.recognize([image])[0]
        assert list(alone.scores.values()) == pytest.approx(list(scores.scores.values()), abs=1e-6)
    assert recognizer.recognize([]) == []
    assert recognizer.recognize(images)[0] == recognizer.recognize(images)[0]


def test_features_have_the_sizes_of_the_configuration(recognizer):
    """Closed form: the pooled feature is the mean of the patch grid, both as long as the manifest's configuration says."""
    config = recognizer.manifest_entry["config"]
    encoding = recognizer.encode([Image(data.cat())])
    grid = config["conv_px"] // 16
    assert encoding.grid.shape == (1, config["widths"][-1], grid, grid)
    assert np.allclose(encoding.pooled, encoding.grid.mean((2, 3)), atol=1e-5)
    assert encoding.pooled.std() > 0.01


def test_odds_of_photos_add_what_sounds_alike():
    """Planted answer: the table of COCO's labels through labels.csv; buses sound like trucks, zebras like horses."""
    names = tuple(concepts())
    odds = dict(zip((*names, "unknown"), photo_odds(names), strict=True))
    assert odds["footsteps"] == pytest.approx(54 / 5) and odds["car"] == pytest.approx(10 / 5)
    assert odds["truck"] == pytest.approx((5 + 3) / 5) and odds["horse"] == pytest.approx((2 + 2) / 5)
    assert odds["fire"] == odds["helicopter"] == pytest.approx(1 / 5) and odds["unknown"] == 1


def test_shifted_probabilities_are_those_of_the_other_frequencies():
    """Closed form: Bayes' rule with the likelihoods of two pictures, under equal and under other frequencies."""
    likelihoods = np.array([[0.2, 0.05, 0.6], [0.01, 0.3, 0.02]])
    equal = likelihoods / likelihoods.sum(1, keepdims=True)
    frequencies = np.array([0.7, 0.1, 0.2])
    joint = likelihoods * frequencies
    assert shifted(equal, 3 * frequencies) == pytest.approx(joint / joint.sum(1, keepdims=True), rel=1e-12)


def test_the_prior_moves_odds_by_how_often_photos_show_a_thing():
    """Closed form: the odds of footsteps to helicopter change by (54 / 1) ** prior, whatever the picture."""
    noise = Image(np.random.default_rng(2).integers(0, 256, (90, 120, 3), dtype=np.uint8))
    plain, half = (BuiltinRecognizer(prior=prior).recognize([noise])[0].scores for prior in (0.0, 0.5))
    ratio = (half["footsteps"] / half["helicopter"]) / (plain["footsteps"] / plain["helicopter"])
    assert ratio == pytest.approx(54**0.5, rel=1e-6)


def test_class_probabilities_go_to_their_concepts():
    """Planted answer: two dogs add up, the silent chair is unknown."""
    names, matrix = concept_matrix(["caltech101/dalmatian", "tiny-imagenet/Chihuahua", "caltech101/chair"])
    mass = np.array([0.5, 0.2, 0.3]) @ matrix
    assert mass[names.index("dog")] == pytest.approx(0.7) and mass[-1] == pytest.approx(0.3)
    assert (matrix.sum(1) == 1).all()


def test_every_trained_class_is_in_the_label_table():
    """Conformance: the manifest's classes all have a row, and every concept of the table exists."""
    names = [name for pack in PACKS.values() for name in read_manifest()[pack]["classes"]]
    assert len(names) > 100
    for name in names:
        assert concept_of_class(name) is None or concept_of_class(name) in concepts()


def test_the_label_table_covers_coco():
    """Published number: COCO has 80 classes; person, vehicles and animals mean what they should, furniture is silent."""
    coco = label_concepts("coco")
    assert len(coco) == 80
    expected = {"person": "footsteps", "bus": "truck", "airplane": "aeroplane", "boat": "boat", "zebra": "horse", "chair": None}
    assert {name: coco[name] for name in expected} == expected
    assert {name for s in ("coco", "photos", "caltech101") for name in label_concepts(s).values() if name} <= set(concepts())


def test_the_label_table_covers_the_photos(media):
    """Conformance: every word in the photo collections' indices has a row."""
    known = label_concepts("photos")
    for index in media.glob("photos_*/index.csv"):
        with index.open(newline="", encoding="utf-8") as rows:
            for row in csv.DictReader(rows):
                assert {word for word in row["label"].split("|") if word} <= set(known), row["file"]


def test_recognising_needs_no_torch():
    """A run saves the import of torch: a fresh process that recognises a picture has not loaded it."""
    code = (
        "import sys, numpy as np; from seehear.adapters.builtin import BuiltinRecognizer; from seehear.types import Image;"
        "BuiltinRecognizer().recognize([Image(np.zeros((40, 40, 3), np.uint8))]); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"

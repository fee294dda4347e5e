"""The index of a folder of recordings."""

import pytest

from seehear.data.recordings import read_recordings
from seehear.types import InputError

HEADER = "file,coarse,fold,licence,attribution,source_repo"


def test_what_is_known_of_a_recording(tmp_path):
    """Planted: the concept of its class, its fold if it has one, and whose it is."""
    lines = [HEADER, "a.ogg,dog,5,CC0 1.0,rose,karoldvl/ESC-10", "b.ogg,dog,,CC BY 3.0,,karoldvl/ESC-10"]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    first, second = read_recordings(tmp_path)
    assert (first.path, first.concept, first.fold, first.source) == (tmp_path / "a.ogg", "dog", 5, "a.ogg: rose (CC0 1.0)")
    assert (second.fold, second.source) == (None, "b.ogg: karoldvl/ESC-10 (CC BY 3.0)")


@pytest.mark.parametrize(
    ("index", "message"),
    [("file,class\na.ogg,dog\n", "lacks the column coarse"), (f"{HEADER}\na.ogg,unheard,,,,\n", "a class 'unheard'")],
)
def test_an_index_that_says_too_little_is_refused(tmp_path, index, message):
    """Planted faults."""
    (tmp_path / "labels.csv").write_text(index)
    with pytest.raises(InputError, match=message):
        read_recordings(tmp_path)

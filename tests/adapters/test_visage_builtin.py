import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seehear.adapters.visage_builtin import (
    SETTINGS,
    load_builtin_visage,
    pack_trained_visage,
    save_trained_visage,
)
from seehear.nets.trained_visage import TrainedVisage
from seehear.nets.visage import Visage
from seehear.nets.visage_config import VisageConfig
from seehear.types import InputError
from seehear.weights import load_pack

TINY = VisageConfig(
    n_codebooks=2, codebook_size=7, feature_size=5, n_patches=4, width=8, n_heads=2, n_encoder_layers=1, n_decoder_layers=1,
    feed_forward=16, max_frames=4, max_steps=21,
)  # fmt: skip


@pytest.fixture
def trained() -> TrainedVisage:
    net = Visage(TINY, torch.Generator().manual_seed(5)).eval()
    return TrainedVisage(net, "visage", "eyes 1", "ears 2", 4.0, 50.0, {"steps": 3}, "visage")


def test_a_saved_model_comes_back(trained, tmp_path):
    """Round trip: every tensor bit for bit, every setting as it was; nothing half-written is left."""
    save_trained_visage(tmp_path / "run", trained)
    found = load_builtin_visage(tmp_path / "run")
    assert found.config == TINY and found.code_pattern == trained.code_pattern
    assert (found.encoder_name, found.codec_name, found.frames_per_s, found.code_frames_per_s) == ("eyes 1", "ears 2", 4.0, 50.0)
    assert found.facts == {"steps": 3} and found.energy_compat == "visage" and not found.net.training
    for name, tensor in trained.net.state_dict().items():
        assert torch.equal(found.net.state_dict()[name], tensor), name
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["visage.json", "visage.safetensors"]


def test_a_pack_holds_the_weights_in_half_precision(trained, tmp_path, monkeypatch):
    """Closed form: numbers below 1 are rounded by at most 2^-12; the entry has all that is needed to use the net.

    Planted: a folder of the pack's name where one works does not hide it; said as a path, it is the folder.
    """
    about = {"licence": "Apache-2.0", "research_only": False, "trained_on": [], "command": "seehear train visage", "recipe": {}}
    entry = pack_trained_visage(tmp_path / "visage.safetensors", trained, about)
    arrays, read = load_pack("visage", tmp_path)
    assert read == json.loads(json.dumps(entry)) and read["config"]["pattern"] == "visage"
    for name, tensor in trained.net.state_dict().items():
        np.testing.assert_allclose(arrays[name], tensor.numpy(), atol=2**-12)
    monkeypatch.setattr("seehear.weights.packs_folder", lambda: tmp_path)
    save_trained_visage(tmp_path / "work" / "visage", replace(trained, codec_name="another"))
    monkeypatch.chdir(tmp_path / "work")
    pack, folder, path = (load_builtin_visage(name) for name in ("visage", "./visage", Path("visage")))
    assert (pack.codec_name, folder.codec_name, path.codec_name) == ("ears 2", "another", "another")
    assert pack.energy_compat == "visage" and pack.config == TINY and pack.facts["licence"] == "Apache-2.0"


def test_what_does_not_fit_is_refused(trained, tmp_path):
    """Planted faults: no model, another width, settings of something else, a file that is no safetensors."""
    with pytest.raises(InputError, match="safetensors and visage"):
        load_builtin_visage(tmp_path)
    with pytest.raises(InputError, match="seehear train visage"):
        load_builtin_visage("no-such-weights")
    save_trained_visage(tmp_path, trained)
    settings = json.loads((tmp_path / SETTINGS).read_text())
    (tmp_path / SETTINGS).write_text(json.dumps(settings | {"energy_compat": "of another"}))
    with pytest.raises(InputError, match="energy maps 'of another', which are not known"):
        load_builtin_visage(tmp_path)
    for config, words in (({"width": 16}, "does not fit the model"), ({"colour": 3}, "not those of a ViSAGe")):
        (tmp_path / SETTINGS).write_text(json.dumps(settings | {"config": settings["config"] | config}))
        with pytest.raises(InputError, match=words):
            load_builtin_visage(tmp_path)
    (tmp_path / SETTINGS).write_text(json.dumps(settings))
    (tmp_path / "visage.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match="cannot be read"):
        load_builtin_visage(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"frames_per_s": "x"}, "frames_per_s of a ViSAGe is a number above 0, got 'x'"),
        ({"code_frames_per_s": 0}, "code_frames_per_s of a ViSAGe is a number above 0, got 0"),
        ({"facts": [1]}, "facts of a ViSAGe are a JSON object"),
        ({"frames_per_s": 1e9}, "frames_per_s of a ViSAGe is at most 1000"),
        ({"config": {"max_frames": 10**12}}, "damaged: max_frames 1000000000000"),
        ({"config": {"n_decoder_layers": 10**4}}, "damaged: n_decoder_layers 10000"),
        ({"config": {"max_steps": 2**15, "width": 2**15}}, "its settings are of .* numbers"),
    ],
)
def test_settings_that_cannot_be_are_refused(trained, tmp_path, change, said):
    """Planted faults: rates that are none or endless, facts that are a list, sizes that no memory holds."""
    save_trained_visage(tmp_path, trained)
    settings = json.loads((tmp_path / SETTINGS).read_text("utf-8"))
    change = change | ({"config": settings["config"] | change["config"]} if "config" in change else {})
    (tmp_path / SETTINGS).write_text(json.dumps(settings | change), "utf-8")
    with pytest.raises(InputError, match=said):
        load_builtin_visage(tmp_path)


@pytest.mark.slow
def test_the_shipped_model_knows_where_the_camera_looks():
    """Planted answer: of 16 test clips with the camera at 16 azimuths, the median of how far the sound is from it
    is under 40 degrees (18 were measured over 200 clips), and over 60 without the direction."""
    from seehear.adapters.builtin_codec import BuiltinCodec
    from seehear.adapters.builtin_frames import BuiltinFrames
    from seehear.data.prepared import prepared_clip
    from seehear.data.world import make_clip
    from seehear.nets.visage import Conditioning
    from seehear.sampling.autoregressive import FREE, Sampling, generate
    from seehear.sampling.guidance import guidance_named
    from seehear.systems.ambisonize import guided_steps

    trained, codec, n = load_builtin_visage("visage"), BuiltinCodec(), 16
    parts = [prepared_clip(make_clip(11, i, split="test"), BuiltinFrames(), codec) for i in range(n)]
    azimuths = 2 * np.pi * (np.arange(n) + 0.5) / n
    camera = np.stack([np.cos(azimuths), np.sin(azimuths), 0 * azimuths], 1).astype(np.float32)
    features, energy = (torch.from_numpy(np.stack([each[k] for each in parts]).astype("f4")) for k in ("features", "energy_maps"))
    given = Conditioning(features, torch.from_numpy(camera), energy)
    medians = []
    for conditions in (given, trained.net.without(given, direction=True)):
        codes = generate(
            guided_steps(conditions, guidance_named("joint"), trained, 250),
            torch.full((n, 16, 250), FREE),
            pattern=trained.code_pattern,
            padding=trained.config.padding,
            sampling=Sampling(),
            generator=torch.Generator().manual_seed(0),
        )
        w, y, z, x = (np.stack([codec.decode(each.unflatten(0, (4, 4)).numpy()) for each in codes]).transpose(1, 0, 2)).astype(
            "f8"
        )
        heard = np.stack([(w * x).sum(1), (w * y).sum(1), (w * z).sum(1)], 1)
        cosines = (heard * camera).sum(1) / np.linalg.norm(heard, axis=1)
        medians.append(float(np.degrees(np.median(np.arccos(cosines)))))
    assert medians[0] < 40 and medians[1] > 60, medians

"""The released layout. Oracle: logits and greedy codes of the authors' own code on a tiny checkpoint."""

import importlib.util
import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from seehear.adapters.visage_checkpoint import config_of_released, directions_from_released, load_visage
from seehear.nets.visage import Conditioning, Visage
from seehear.sampling.autoregressive import FREE, GREEDY, generate
from seehear.sampling.guidance import guidance_named, guided_logits, released_dual
from seehear.sampling.tokens import pattern_named, with_last_repeated
from seehear.types import InputError

ORACLE = Path(__file__).resolve().parents[1] / "oracles" / "visage_tiny" / "make.py"


@pytest.fixture(autouse=True)
def one_thread():
    """Tiny tensors gain nothing from threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The folder of the tiny checkpoint as released, and its inputs and answers as tensors."""
    spec = importlib.util.spec_from_file_location("visage_tiny", ORACLE)
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    folder = tmp_path_factory.mktemp("visage_tiny")
    return folder, {key: torch.from_numpy(x) for key, x in oracle.unpack(folder).items()}


def given(answers: dict[str, torch.Tensor]) -> Conditioning:
    return Conditioning(answers["clip"], directions_from_released(answers["direction"]), answers["energy_map"])


@torch.no_grad()
def test_logits_are_those_of_the_released_code(released):
    """Conformance data: logits of up to 2.1, to 1e-4."""
    folder, answers = released
    logits = load_visage(folder)(given(answers), answers["decoder_input_ids"].transpose(1, 2))
    torch.testing.assert_close(logits[:1].transpose(1, 2), answers["logits"], rtol=0, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize(
    ("key", "guidance"),
    [("greedy_cfg_codes", guidance_named("joint", 2.5)), ("greedy_dual_cfg_codes", released_dual(2.5, 1.5))],
)
def test_guided_greedy_codes_are_those_of_the_released_code(released, key, guidance):
    """Conformance data: every code of 2 s, made in 345 steps with the cache; 2.5 for the video and 1.5 for the direction."""
    folder, answers = released
    model, pattern = load_visage(folder), pattern_named("visage", 3)
    branches = [model.without(given(answers), visual=not b.visual, direction=not b.direction) for b in guidance.branches]
    memory = torch.cat([model.encode(branch) for branch in branches])

    def rows_at(step: int) -> list[int]:
        return [row for row, offset in enumerate(pattern.offsets) if step >= offset and (step - offset) % 2 == 0]

    step_logits = guided_logits(model.step_logits(memory, pattern.n_steps(172), rows_at), guidance)
    free = torch.full((2, 12, 172), FREE)
    made = generate(step_logits, free, pattern=pattern, padding=model.config.padding, sampling=GREEDY)
    assert torch.equal(with_last_repeated(made, 173).transpose(1, 2), answers[key])


def test_directions_are_turned_into_our_axes():
    """Closed form: roty((2 a - 179) deg) rotx((89 - 2 e) deg) (0, 0, 1), x right and y down, is az 179 - 2 a, el 89 - 2 e."""
    for index_az, index_el in ((0, 0), (37, 12), (89, 44), (90, 45), (135, 60), (179, 89)):
        y, x = math.radians(2 * index_az - 179), math.radians(89 - 2 * index_el)
        turned_up = (0.0, -math.sin(x), math.cos(x))
        theirs = torch.tensor(
            [
                math.cos(y) * turned_up[0] + math.sin(y) * turned_up[2],
                turned_up[1],
                -math.sin(y) * turned_up[0] + math.cos(y) * turned_up[2],
            ]
        )
        front, left, up = directions_from_released(theirs).tolist()
        assert math.degrees(math.asin(up)) == pytest.approx(89 - 2 * index_el, abs=1e-3)
        off = math.degrees(math.atan2(left, front)) + (2 * index_az - 179)
        assert off == pytest.approx(0, abs=1e-3)


@torch.no_grad()
def test_a_mono_checkpoint_loads_and_answers_as_the_rows_of_w(released, tmp_path):
    """Closed form: with spatial branches silenced and spatial rows padded, the rows of W are the mono model."""
    folder, answers = released
    tensors, config = load_file(folder / "model.safetensors"), json.loads((folder / "config.json").read_text())
    spatial = ("direction_embedding", "energy_map_projection", "dir_null", "energy_null")
    beyond_w = [f"{name}.{row}." for name in ("embed_dac", "dac_heads") for row in range(3, 12)]
    kept = {key: x for key, x in tensors.items() if not any(part in key for part in (*spatial, *beyond_w))}
    save_file(kept, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["VisageForConditionalGeneration"]}))
    alone, model, codes = load_visage(tmp_path), load_visage(folder), answers["decoder_input_ids"].transpose(1, 2).clone()
    assert alone.config.n_rows == 3
    for branch in (model.encoder.direction, model.encoder.energy_map):
        branch[2].weight.zero_()
        branch[2].bias.zero_()
    codes[:, 3:] = model.config.padding
    logits = alone(Conditioning(answers["clip"]), codes[:, :3])
    torch.testing.assert_close(logits, model(given(answers), codes)[:, :3], rtol=0, atol=1e-5)
    fresh = Visage(model.config, torch.Generator().manual_seed(1))
    fresh.start_from_mono(alone)
    assert torch.equal(fresh.heads.weight.view(4, 3, 64, 48)[3, 2], tensors["dac_heads.2.weight"])


def test_a_checkpoint_that_does_not_fit_is_refused(released, tmp_path):
    """Planted: a tensor missing, left over, of another shape, a padding that sounds; a setting that the model does not follow."""
    folder, _ = released
    tensors, config = load_file(folder / "model.safetensors"), json.loads((folder / "config.json").read_text())
    head, embedding = "dac_heads.4.bias", "model.decoder.embed_dac.7.weight"
    loud = tensors[embedding].clone()
    loud[64, 0] = 0.1
    for changed, said in (
        ({key: x for key, x in tensors.items() if key != head}, f"lacks {head}"),
        (tensors | {"dac_heads.12.bias": tensors[head].clone()}, "has an unknown dac_heads.12.bias"),
        (tensors | {"model.decoder.bos": torch.zeros(1, 47)}, "decoder.start of shape"),
        (tensors | {embedding: loud}, f"{embedding} must hold 128 embeddings, that of the padding being 0"),
    ):
        save_file(changed, tmp_path / "model.safetensors")
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises(InputError, match=said):
            load_visage(tmp_path)
    for setting, value in (("activation_function", "relu"), ("scale_embedding", True), ("decoder_ffn_dim", 191)):
        with pytest.raises(InputError, match=setting):
            config_of_released(config | {setting: value})
    (tmp_path / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(InputError, match="cannot be read as safetensors"):
        load_visage(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"needs model\.safetensors"):
        load_visage(tmp_path)

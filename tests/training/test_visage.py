"""Training of ViSAGe: what a batch holds, the loss, and runs from beginning to end."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from seehear.acoustics.sphere import encode
from seehear.adapters.visage_builtin import load_builtin_visage
from seehear.adapters.visage_checkpoint import load_visage
from seehear.data.clips import Clip
from seehear.data.prepared import Prepared, prepare
from seehear.nets.visage import Conditioning, Visage
from seehear.nets.visage_config import VisageConfig, mono
from seehear.protocols import FrameFeatures
from seehear.sampling.tokens import build, pattern_named
from seehear.training.first_weights import start_clear
from seehear.training.loop import Schedule
from seehear.training.recipes import BUILTIN, FINETUNE, PRETRAIN, SCRATCH, Span, VisageRecipe
from seehear.training.visage import (
    VisageTask,
    code_loss,
    examples,
    fit_visage,
    new_net,
    seconds_per_step,
    steps_by_rows,
    training_loss,
)
from seehear.types import FOA, Audio, Direction, InputError

N_STEPS = 50
"""Of the exact codec, from -1 to 1."""


class Greys:
    """Two features and four patches that anyone can compute."""

    name = "greys"

    def encode_frames(self, frames):
        rgb = np.stack([frame.rgb for frame in frames]).astype(np.float32) / 255
        patches = rgb.reshape(len(rgb), 2, 2, 2, 2, 3).mean((2, 4))
        return FrameFeatures(rgb.mean((1, 2))[:, :2], patches)


class Rounded:
    """An exact codec with one codebook: the sample at each hop, in steps of 1 / 50."""

    name, sample_rate_hz, hop_samples, n_codebooks, codebook_size = "rounded", 40, 20, 1, 2 * N_STEPS + 1

    def encode(self, samples):
        return np.rint(N_STEPS * samples[:, None, :: self.hop_samples]).astype(np.int64) + N_STEPS

    def decode(self, codes):
        return (codes[:, 0].repeat(self.hop_samples, 1) - N_STEPS) / N_STEPS


TINY = VisageConfig(width=16, n_heads=2, n_encoder_layers=1, n_decoder_layers=1, feed_forward=32, dropout=0.0)
RECIPE = VisageRecipe(
    Schedule(steps=12, learning_rate=3e-3, warmup_steps=4, shape="constant", weight_decay=1e-2, clip_norm=1.0, save_every=4),
    batch_size=4,
    config=TINY,
    validate_every=6,
)


def clip(number: int, direction: Direction) -> Clip:
    """Noise, one value per hop, encoded as a plane wave from ``direction``."""
    rng = np.random.default_rng(number)
    noise = rng.uniform(-0.95, 0.95, 10).repeat(20)
    frames = rng.integers(0, 256, (20, 4, 4, 3), np.uint8)
    return Clip(f"c{number}", frames, 4.0, Audio(encode(noise, direction.vector).astype(np.float32), 40, FOA), direction)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rng = np.random.default_rng(1)
    directions = [Direction(rng.uniform(-math.pi, math.pi), rng.uniform(-1, 1)) for _ in range(10)]
    clips = [clip(number, direction) for number, direction in enumerate(directions)]
    return prepare(clips, Greys(), Rounded(), tmp_path_factory.mktemp("clips") / "data")


def heard_from(codes) -> np.ndarray:
    """Where a field (4, L) of codes comes from: the mean of W (X, Y, Z)."""
    w, y, z, x = Rounded().decode(np.asarray(codes)[:, None])
    intensity = np.array([(w * x).sum(), (w * y).sum(), (w * z).sum()])
    return intensity / np.linalg.norm(intensity)


def test_a_turned_clip_is_heard_and_seen_a_quarter_to_the_left(data):
    """Planted answer: a rendered source, coded exactly, comes from its direction; turned, from azimuth + 90 degrees."""
    net = new_net(VisageTask(RECIPE, data))
    batch = data.batch(range(10))
    for turned in (False, True):
        given = examples(batch, np.full(10, turned), net)
        for row in range(10):
            planted = Direction.of(batch.directions[row])
            expected = Direction(planted.azimuth_rad + (math.pi / 2 if turned else 0), planted.elevation_rad).vector
            np.testing.assert_allclose(given.conditioning.direction[row], expected, atol=1e-6)
            np.testing.assert_allclose(heard_from(given.codes[row]), expected, atol=0.02)  # steps of 1 / 50


@pytest.mark.parametrize("name", ["visage", "delay", "residual", "spatial", "naive"])
@pytest.mark.parametrize("n_channels", [4, 1])
def test_the_loss_is_the_mean_over_all_codes(name, n_channels):
    """Independent sum: log-probabilities of all rows at all steps from the whole pass, taken where there is a code."""
    config = replace(TINY, n_channels=n_channels, n_codebooks=3, codebook_size=7, feature_size=2, n_patches=4, max_frames=20)
    pattern = pattern_named(name, 3, n_channels)
    net = Visage(replace(config, max_steps=pattern.n_steps(9)), torch.Generator().manual_seed(1))
    with torch.no_grad():
        for parameter in net.parameters():  # away from the start, where all codes are equally likely
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())))
    rng = np.random.default_rng(2)
    batch = type("Batch", (), {})()
    batch.features, batch.energy_maps = rng.normal(size=(2, 20, 2)).astype("f4"), rng.random((2, 20, 4)).astype("f4")
    batch.codes, batch.directions = rng.integers(0, 7, (2, 5, 3, 9)), np.eye(3, dtype="f4")[:2]
    given = examples(batch, np.array([False, True]), net)
    sequence = build(pattern, given.codes, net.config.padding)
    log_p = net(given.conditioning, sequence[..., :-1]).log_softmax(-1)
    there = sequence != net.config.padding
    expected = -log_p.gather(-1, sequence.clamp_max(6)[..., None])[..., 0][there].mean()
    assert code_loss(net, given, pattern).item() == pytest.approx(expected.item(), rel=1e-5)
    assert there.sum() == given.codes.numel()
    seen = [(row, step) for rows, steps in steps_by_rows(pattern, 9) for row in rows for step in range(99)[steps]]
    assert sorted(seen) == sorted((row, step) for row, step in there[0].nonzero().tolist())
    if n_channels == 4:
        # Independent sum again: the first clip's past of Y, Z and X is struck out by hand, the second's is there.
        past = sequence[..., :-1].clone()
        past[0, 3:] = net.config.padding
        hidden = net(given.conditioning, past).log_softmax(-1).gather(-1, sequence.clamp_max(6)[..., None])[..., 0]
        found = code_loss(net, given, pattern, hidden_past=torch.tensor([True, False])).item()
        assert found == pytest.approx(-hidden[there].mean().item(), rel=1e-5)
        assert abs(found - expected.item()) > 1e-3


def test_a_span_is_a_clip_whose_positions_begin_later(data):
    """Closed form: the loss of frames 4 to 8 is that of a net whose table of positions begins at step 8, given these alone; with
    all rows but the first codes of Y, Z and X worth one and those worth 3, the weighted mean by hand."""
    net = new_net(VisageTask(RECIPE, data))
    pattern = pattern_named("visage", net.config.n_codebooks)
    given = examples(data.batch([0, 1]), np.zeros(2, bool), net)
    span = replace(given, codes=given.codes[..., 4:8])
    found = code_loss(net, span, pattern, first_frame=4).item()
    assert abs(found - code_loss(net, span, pattern).item()) > 1e-6
    with torch.no_grad():
        net.decoder.positions[2:-8] = net.decoder.positions[10:].clone()
    assert found == pytest.approx(code_loss(net, span, pattern).item(), rel=1e-6)
    sequence = build(pattern, span.codes, net.config.padding)
    each = (
        -net(span.conditioning, sequence[..., :-1])
        .detach()
        .log_softmax(-1)
        .gather(-1, sequence.clamp_max(100)[..., None])[..., 0]
    )
    weights = torch.where(sequence == net.config.padding, 0.0, torch.tensor([1.0, 3.0, 3.0, 3.0])[:, None])
    expected = float((each * weights).sum() / weights.sum())
    assert code_loss(net, span, pattern, emphasis=3.0).item() == pytest.approx(expected, rel=1e-5)


def test_short_spans_come_first(data, monkeypatch):
    """Planted: in a quarter of 12 steps 3 frames of 8 clips, then whole clips of 4; spans begin anywhere; longer are refused."""
    recipe = replace(RECIPE, spans=(Span(0.25, 3, 8, hide_past=1.0, emphasis=2.0),))
    net, seen = new_net(VisageTask(recipe, data)), []

    def kept(_net, given, _pattern, **how):
        seen.append((*given.codes.shape[::2], how["first_frame"], how["emphasis"], how["hidden_past"] is not None))
        return torch.zeros(())

    monkeypatch.setattr("seehear.training.visage.code_loss", kept)
    loss = training_loss(net, data, recipe, seed=0)
    for number in range(12):
        loss(number, torch.Generator().manual_seed(number))
    assert [(clips, frames, emphasis, hidden) for clips, frames, _, emphasis, hidden in seen] == (
        [(8, 3, 2.0, True)] * 3 + [(4, 10, 1.0, False)] * 9
    )
    seen.clear()
    for k in range(60):
        loss(0, torch.Generator().manual_seed(k))
    assert {first for _, _, first, _, _ in seen} == set(range(8))
    with pytest.raises(InputError, match="1 to 10 frames"):
        new_net(VisageTask(replace(RECIPE, spans=(Span(0.5, 11, 4, 0.0, 1.0),)), data))


def test_a_step_takes_the_mean_of_both_kinds(data, monkeypatch):
    """Planted clock: steps of spans of 8 clips, a quarter of the run, take 5 s, others of 4 clips 1 s; by hand 2 s on average."""
    now = [0.0]

    def timed(net, given, pattern, **_):
        now[0] += 5.0 if len(given.codes) == 8 else 1.0
        return net.null_features.sum()

    monkeypatch.setattr("seehear.training.visage.code_loss", timed)
    monkeypatch.setattr("seehear.training.visage.time", SimpleNamespace(monotonic=lambda: now[0]))
    spans = (Span(0.25, 3, 8, hide_past=1.0, emphasis=2.0),)
    assert seconds_per_step(VisageTask(replace(RECIPE, spans=spans), data)) == 2.0
    assert seconds_per_step(VisageTask(RECIPE, data)) == 1.0
    assert now[0] == 3 * (5 + 1 + 1)


def test_a_released_model_goes_on_with_its_own_energy_maps(tiny, data):
    """Planted header that fits the tiny released checkpoint in all but whose energy maps the clips have: it must have both."""
    folder = tiny("visage")
    released = load_visage(folder).config
    sizes = {name: getattr(released, name) for name in ("n_codebooks", "codebook_size", "feature_size", "n_patches")}
    header = replace(data.header, **sizes, n_frames=released.max_frames, n_code_frames=(released.max_steps - 1) // 2)
    recipe = replace(RECIPE, config=released, pretrained=True)
    fitting = Prepared(folder, replace(header, compat="visage"), (("clips", 8),))
    net = new_net(VisageTask(recipe, fitting, start=folder))
    assert torch.equal(net.heads.weight, load_visage(folder).heads.weight)
    with pytest.raises(InputError, match=r"the released program's energy maps, .* with the paper's: train from their shards"):
        new_net(VisageTask(recipe, replace(fitting, header=header), start=folder))


def test_first_weights_let_direction_and_energy_map_through():
    """Closed form: projections keep the angles between code vectors; they move the memory more than features."""
    net = Visage(replace(TINY, width=512, n_codebooks=2, codebook_size=63, feature_size=8, n_patches=49, max_steps=21))
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(2, 63, 40, generator=generator)
    start_clear(net, vectors, generator)
    wanted = torch.nn.functional.cosine_similarity(vectors[1, :20, None], vectors[1, None, :20], dim=-1)
    for table in (net.decoder.codes[3 * 64 : 3 * 64 + 20], net.heads.weight[3 * 63 : 3 * 63 + 20]):
        found = torch.nn.functional.cosine_similarity(table[:, None], table[None], dim=-1)
        assert float((found - wanted).detach().abs().max()) < 5 / math.sqrt(512)
    assert float(net.decoder.codes[63].detach().abs().max()) == 0  # padding
    left = torch.zeros(1, 20, 7, 7)
    left[..., :2] = 1 / 14
    front = Conditioning(torch.zeros(1, 20, 8), torch.tensor([[1.0, 0, 0]]), left.flatten(2))
    back, lit = replace(front, direction=-front.direction), replace(front, features=torch.ones(1, 20, 8) / 8**0.5)
    right = replace(front, energy_map=left.flip(-1).flatten(2))
    with torch.no_grad():
        moved = [float((net.encode(each) - net.encode(front)).norm()) for each in (back, right, lit)]
    assert moved[0] > 1.5 * moved[2] > 0
    assert moved[0] > moved[1] > 1.5 * moved[2]


def test_codes_of_another_codec_start_as_released(data):
    """Planted: data of another codec than the builtin one, of whose codes nothing is known; conditions start clear."""
    released, clear = (new_net(VisageTask(replace(RECIPE, clear_start=c), data)) for c in (False, True))
    assert torch.equal(clear.decoder.codes, released.decoder.codes) and torch.equal(clear.heads.weight, released.heads.weight)
    assert float(clear.encoder.direction[0].weight.detach().std()) == pytest.approx(3**-0.5, rel=0.3)


def test_conditions_are_dropped_as_often_as_told(data, monkeypatch):
    """Closed form: relative frequencies of 0.1, 0.1, both 0.01, turns of 0.5 and hidden pasts of 0.3 within four deviations."""
    recipe = replace(RECIPE, batch_size=10, hide_past=0.3)
    net = new_net(VisageTask(recipe, data))
    told, turns, pasts = [], [], []
    monkeypatch.setattr(net, "without", lambda given, visual, direction: told.append((visual, direction)) or given)
    monkeypatch.setattr(
        "seehear.training.visage.code_loss", lambda *_, hidden_past, **__: pasts.append(hidden_past) or torch.zeros(())
    )
    monkeypatch.setattr(
        "seehear.training.visage.examples", lambda batch, turned, net: turns.append(turned) or examples(batch, turned, net)
    )
    loss = training_loss(net, data, recipe, seed=3)
    for number in range(400):
        loss(number, torch.Generator().manual_seed(number))
    visual, direction = (torch.cat(masks).double() for masks in zip(*told, strict=True))
    turned = torch.from_numpy(np.concatenate(turns)).double()
    hidden = torch.cat(pasts).double()
    pairs = ((visual * direction, 0.01), (turned * direction, 0.05), (hidden * direction, 0.03), (hidden * turned, 0.15))
    for found, p in ((visual, 0.1), (direction, 0.1), (turned, 0.5), (hidden, 0.3), *pairs):
        assert abs(float(found.mean()) - p) < 4 * math.sqrt(p * (1 - p) / 4_000)


def planted(tmp_path, n: int, seed: int):
    """Clips whose sound is a coin for W, and for Y, Z, X the sign of the direction: nothing else tells it."""
    rng = np.random.default_rng(seed)
    clips = []
    for number in range(n):
        direction = Direction(math.radians(rng.choice([45, 135, 225, 315])), rng.choice([-0.6, 0.6]))
        coin = rng.choice([-0.5, 0.5], (1, 10))
        x, y, z = np.sign(direction.vector) * 0.5
        sound = np.concatenate([coin, *(np.full((1, 10), v) for v in (y, z, x))]).repeat(20, 1).astype("f4")
        frames = rng.integers(0, 256, (20, 4, 4, 3), np.uint8)
        clips.append(Clip(f"p{seed}-{number}", frames, 4.0, Audio(sound, 40, FOA), direction))
    return prepare(clips, Greys(), Rounded(), tmp_path / f"planted{seed}")


def test_it_learns_what_a_direction_means(tmp_path):
    """Planted answer: W is a fair coin, log 2 nats; Y, Z and X follow from the direction, 0 nats: log 2 / 4 a code."""
    schedule = Schedule(steps=230, learning_rate=1e-2, warmup_steps=20, weight_decay=0.0, ema_decay=0.8, clip_norm=1.0)
    recipe = replace(RECIPE, schedule=schedule, batch_size=16, config=replace(TINY, width=32), validate_every=1000)
    recipe = replace(recipe, drop_direction=0.0, drop_visual=0.0)
    task = VisageTask(recipe, planted(tmp_path, 128, 0), planted(tmp_path, 32, 1))
    trained = fit_visage(task, tmp_path / "run")
    assert trained.facts["validation_loss"] == pytest.approx(math.log(2) / 4, rel=0.05)
    assert (trained.encoder_name, trained.codec_name, trained.pattern) == ("greys", "rounded", "visage")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_stopped_run_ends_with_the_same_model(tmp_path, data, precision):
    """Independent run: stopped in the ninth step and resumed, with dropout, two batches a step and validation: the same bytes."""
    schedule = replace(RECIPE.schedule, accumulation=2, ema_decay=0.9, precision=precision)
    task = VisageTask(replace(RECIPE, schedule=schedule, config=replace(TINY, dropout=0.2)), data, data)
    fit_visage(task, tmp_path / "whole")

    def stop(done, _):
        if done == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_visage(task, tmp_path / "run", watch=stop)
    told = []
    fit_visage(task, tmp_path / "run", watch=lambda done, _: told.append(done))
    assert told == [9, 10, 11, 12]
    for name in ("visage.safetensors", "visage.json", "curves.jsonl", "run.json"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    rows = [json.loads(line) for line in (tmp_path / "run" / "curves.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if row["curve"] == "training"] == list(range(12))
    assert [row["step"] for row in rows if row["curve"] == "validation"] == [5, 11]


def test_another_task_is_refused_in_the_same_folder(tmp_path, data):
    """Planted faults: another seed, as many other clips; and too few for a batch, of which nothing is written."""
    task = VisageTask(replace(RECIPE, schedule=replace(RECIPE.schedule, steps=1)), data)
    fit_visage(task, tmp_path / "run")
    with pytest.raises(InputError, match="another seed"):
        fit_visage(replace(task, seed=1), tmp_path / "run")
    others = prepare([clip(20 + number, Direction(0.1)) for number in range(10)], Greys(), Rounded(), tmp_path / "others")
    with pytest.raises(InputError, match="another clips_sha256"):
        fit_visage(replace(task, data=others), tmp_path / "run")
    with pytest.raises(InputError, match="at least as many clips, got 10"):
        fit_visage(replace(task, recipe=replace(RECIPE, batch_size=11)), tmp_path / "small")
    assert not (tmp_path / "small").exists()


def test_pretraining_on_mono_is_taken_over(tmp_path, data):
    """Closed form: the mono model has W's rows and no other condition; the next one starts with them in every channel."""
    recipe = replace(RECIPE, mono=True, schedule=replace(RECIPE.schedule, steps=2))
    before = fit_visage(VisageTask(recipe, data), tmp_path / "mono")
    assert before.config == mono(before.config) and before.code_pattern.n_rows == 1
    task = VisageTask(replace(RECIPE, pretrained=True), data, start=tmp_path / "mono")
    net = new_net(task)
    per_row = net.config.embeddings_per_row
    for row in range(4):
        codes = net.decoder.codes[row * per_row : (row + 1) * per_row]
        assert torch.equal(codes, before.net.decoder.codes)
    assert torch.equal(net.encoder.features.weight, before.net.encoder.features.weight)
    with pytest.raises(InputError, match="starts from a pretrained"):
        new_net(replace(task, start=None))
    with pytest.raises(InputError, match="starts from nothing"):
        new_net(replace(task, recipe=RECIPE))
    with pytest.raises(InputError, match="has n_heads 2 instead of 4"):
        wider = replace(recipe, pretrained=True, config=replace(TINY, n_heads=4))
        new_net(replace(task, recipe=wider))
    settings = json.loads((tmp_path / "mono" / "visage.json").read_text()) | {"codec_name": "another"}
    (tmp_path / "mono" / "visage.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match="codec another, the data are of rounded"):
        new_net(task)
    assert load_builtin_visage(tmp_path / "mono").codec_name == "another"


def test_the_recipes_are_the_paper_s():
    """Published numbers: appendix A and section 5.2 of the paper."""
    for recipe, rate, warmup in ((PRETRAIN, 1e-4, 4000), (SCRATCH, 2e-4, 4000), (FINETUNE, 1e-4, 0)):
        schedule = recipe.schedule
        assert (schedule.learning_rate, schedule.warmup_steps, schedule.shape) == (rate, warmup, "constant")
        assert (schedule.weight_decay, schedule.clip_norm, schedule.precision) == (1e-2, 1.0, "bfloat16")
        assert recipe.batch_size * schedule.accumulation == 64 and recipe.pattern == "visage"
        assert schedule.rate(10_000) == rate and recipe.config == VisageConfig()
    for recipe in (SCRATCH, FINETUNE, BUILTIN):
        assert (recipe.rotation, recipe.drop_direction, recipe.drop_visual) == (0.5, 0.1, 0.1)
    assert PRETRAIN.mono and FINETUNE.pretrained and not SCRATCH.pretrained

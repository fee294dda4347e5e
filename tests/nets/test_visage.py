"""ViSAGe's transformer. Oracles: logits and codes of the authors' own code on a tiny checkpoint, closed forms, planted values."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from seehear.nets import decoding
from seehear.nets.decoding import PackedLinear, PackedRowHeads, can_pack
from seehear.nets.visage import Conditioning, Visage
from seehear.nets.visage_config import VisageConfig, mono
from seehear.types import InputError

TINY = VisageConfig(
    n_codebooks=3,
    codebook_size=20,
    feature_size=16,
    n_patches=9,
    width=32,
    n_heads=4,
    n_encoder_layers=2,
    n_decoder_layers=3,
    feed_forward=64,
    max_frames=6,
    max_steps=24,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def lively(config: VisageConfig, seed: int = 0) -> Visage:
    """A model in which nothing is zero but the padding, so that every part of it has a say."""
    model = Visage(config, seeded(seed)).eval()
    generator = seeded(seed + 1)
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape, generator=generator)
    model.decoder.codes.data[config.padding :: config.embeddings_per_row] = 0
    return model


def conditioning(config: VisageConfig, n: int = 2) -> Conditioning:
    generator = seeded(5)
    features = torch.randn(n, config.max_frames, config.feature_size, generator=generator)
    direction = F.normalize(torch.randn(n, 3, generator=generator), dim=-1)
    energy_map = torch.rand(n, config.max_frames, config.n_patches, generator=generator)
    return Conditioning(features, direction if config.direction else None, energy_map if config.energy_map else None)


def codes(config: VisageConfig, n_steps: int, n: int = 2) -> torch.Tensor:
    """Random codes (n, K, n_steps), some of them padding."""
    return torch.randint(config.padding + 1, (n, config.n_rows, n_steps), generator=seeded(6))


def linear(n_in: int, n_out: int) -> int:
    return (n_in + 1) * n_out


def test_the_paper_s_model_has_358_6_million_parameters():
    """Closed form, layer by layer; its sum is the published 360 M (appendix A), 358.6 M in the released layout."""
    with torch.device("meta"):
        count = sum(x.numel() for x in Visage(VisageConfig()).parameters())
    d, norm, feed_forward = 1024, 2 * 1024, linear(1024, 4096) + linear(4096, 1024)
    attention = 4 * linear(d, d)
    encoder = 6 * (attention + feed_forward + 2 * norm) + linear(512, d) + linear(3, d) + linear(49, d) + 2 * linear(d, d)
    decoder = 12 * (2 * attention + feed_forward + 3 * norm) + 36 * 1088 * d + (861 + 2) * d
    inputs = (20 + 2) * d + norm + d + norm  # positions, start and end, norm; start and norm
    assert count == encoder + decoder + inputs + 36 * linear(d, 1024) + 512 + 3 + 49
    never_read = 4 * d  # `embed_spatial` of the released layout
    assert round((count + never_read) / 1e6, 1) == 358.6


@torch.no_grad()
@pytest.mark.parametrize("allocated", [14, 24])
def test_steps_equal_the_full_pass(allocated):
    """Oracle: the pass over all steps at once. Positions are integers, or tensors for one captured step."""
    model, given, sequence = lively(TINY), conditioning(TINY), codes(TINY, 13)
    memory = model.encode(given)
    whole = model.decode(memory, sequence)
    assert whole.std() > 0.5
    for as_position in (int, torch.tensor):
        cache = model.cache(memory, allocated)
        for i in range(14):
            hidden = model.step(sequence[..., i - 1] if i else None, cache, as_position(i))
            torch.testing.assert_close(hidden, whole[:, i], rtol=0, atol=1e-5)
    # The step function of the sampling loop: every row, or only those that a pattern needs.
    logits, every = model(given, sequence), model.step_logits(memory, allocated)
    some = model.step_logits(memory, allocated, lambda step: [0, 4, 5, 11][: 1 + step])
    for i in range(14):
        torch.testing.assert_close(every(sequence[..., :i], i), logits[:, :, i], rtol=0, atol=1e-4)
        rows = [0, 4, 5, 11][: 1 + i]
        alone = some(sequence[..., :i], i)
        torch.testing.assert_close(alone[:, rows], logits[:, rows, i], rtol=0, atol=1e-4)
        assert not alone[:, [row for row in range(12) if row not in rows]].any()


@torch.no_grad()
def test_half_precision_takes_the_same_steps():
    """Oracle: float32. bfloat16 keeps 8 bits, so the hidden states of a few layers agree to some per cent."""
    model, given, sequence = lively(TINY), conditioning(TINY), codes(TINY, 5)
    exact = model.decode(model.encode(given), sequence)
    half = model.to(torch.bfloat16)
    given = Conditioning(*(x.to(torch.bfloat16) for x in (given.features, given.direction, given.energy_map)))
    memory = half.encode(given)
    cache = half.cache(memory, 6)
    for i in range(6):
        hidden = half.step(sequence[..., i - 1] if i else None, cache, i)
        assert hidden.dtype == torch.bfloat16
        assert (hidden.float() - exact[:, i]).norm() / exact[:, i].norm() < 0.05


@torch.no_grad()
@pytest.mark.parametrize(("dtype", "bound"), [(None, 1e-5), (torch.bfloat16, 0.05)])
@pytest.mark.parametrize("as_position", [int, torch.tensor])
def test_a_model_for_decoding_gives_the_answers_of_the_model(monkeypatch, dtype, bound, as_position):
    """Oracle: the model itself, in float32; what bfloat16 loses is as above. Three branches, and rows that are no neighbours."""
    monkeypatch.setattr(decoding, "FEWEST_WEIGHTS", 0)  # so that this small one is packed
    model, given, sequence = lively(TINY), conditioning(TINY, 3), codes(TINY, 13, 3)
    expected, fast, kept = model(given, sequence), model.for_decoding(dtype), [0, 4, 5, 11]
    assert can_pack(fast.null_features.dtype) == isinstance(fast.heads, PackedRowHeads)
    cache, made = fast.cache(fast.encode(given), 14), []
    for i in range(14):
        hidden = fast.step(sequence[..., i - 1] if i else None, cache, as_position(i))
        torch.testing.assert_close(fast.logits(hidden)[:, kept], fast.logits(hidden, kept))
        made.append(fast.logits(hidden, kept))
    assert hidden.dtype == (dtype or torch.float32)
    error = torch.stack(made, 2).float() - expected[:, kept]
    assert error.norm() / expected[:, kept].norm() < bound
    torch.testing.assert_close(model(given, sequence), expected, rtol=0, atol=0)  # the model itself stays as it was
    assert all(parameter.requires_grad for parameter in model.parameters())


@torch.no_grad()
def test_a_packed_layer_is_the_layer():
    """Oracle: the layer itself, from fewer rows than oneDNN is given to more, in any shape."""
    if not can_pack(torch.float32):
        pytest.skip("this build of torch has no oneDNN")
    layer = torch.nn.Linear(24, 40)
    packed = PackedLinear(layer.weight, layer.bias)
    for shape in ((24,), (1, 24), (3, 1, 24), (4, 24), (5, 2, 24)):
        x = torch.randn(shape, generator=seeded())
        torch.testing.assert_close(packed(x), layer(x), rtol=1e-5, atol=1e-6)


def test_a_step_sees_the_past_of_all_rows_and_no_future():
    """Planted: the logits of one step have a gradient at every earlier step (the sum of its rows), and none at a later one."""
    model, given, sequence = lively(TINY), conditioning(TINY, 1), codes(TINY, 9, 1).clamp(max=TINY.padding - 1)
    embedded = model.decoder.embed(sequence).detach().requires_grad_()
    model.decoder.embed = lambda codes: embedded
    model(given, sequence)[0, 7, 4].square().sum().backward()
    reached = embedded.grad[0].abs().amax(-1) > 0
    assert reached.tolist() == [True] * 4 + [False] * 5


def test_rows_are_summed_and_padding_adds_and_learns_nothing():
    """Planted: the embedding of row k and code c is 100 k + c, so a sum says which were taken; closed-form gradient."""
    model = lively(TINY)
    per_row = TINY.embeddings_per_row
    table = torch.arange(12)[:, None] * 100.0 + torch.arange(per_row)
    model.decoder.codes.data[:] = table.reshape(-1, 1)
    sequence = torch.full((1, 12, 2), TINY.padding)
    sequence[0, 0, 0], sequence[0, 3, 0], sequence[0, 11, 1] = 7, 2, 19
    embedded = model.decoder.embed(sequence)
    assert embedded[0, :, 0].tolist() == [7 + 302, 1119]
    embedded.sum().backward()
    learns = model.decoder.codes.grad[:, 0].nonzero().flatten().tolist()
    assert learns == [7, 3 * per_row + 2, 11 * per_row + 19]


@torch.no_grad()
def test_null_embeddings_stand_for_dropped_conditions():
    """Planted: the null embeddings themselves, for all items or by a mask; features and energy map go together."""
    model, given = lively(TINY), conditioning(TINY)
    null = Conditioning(
        model.null_features.expand(2, 6, 16), model.null_direction.expand(2, 3), model.null_energy_map.expand(2, 6, 9)
    )
    mask = torch.tensor([False, True])
    for visual, direction in ((False, True), (True, False), (mask, ~mask), (False, False)):
        dropped = model.without(given, visual=visual, direction=direction)
        for name, told in (("features", visual), ("energy_map", visual), ("direction", direction)):
            which = torch.as_tensor(told).expand(2)
            for item in range(2):
                source = null if which[item] else given
                assert torch.equal(getattr(dropped, name)[item], getattr(source, name)[item]), name


@torch.no_grad()
def test_rows_of_other_channels_start_from_the_mono_model():
    """Closed form: a mono model's weights, and spatial branches silenced, answer as the mono model in every channel."""
    pretrained, model, given, sequence = lively(mono(TINY), 3), lively(TINY), conditioning(TINY), codes(TINY, 9)
    model.start_from_mono(pretrained)
    assert torch.equal(model.decoder.codes.view(4, 3, 64, 32)[2, 1], pretrained.decoder.codes.view(3, 64, 32)[1])
    for branch in (model.encoder.direction, model.encoder.energy_map):
        branch[2].weight.zero_()
        branch[2].bias.zero_()
    sequence[:, 3:] = TINY.padding
    alone = pretrained(Conditioning(given.features), sequence[:, :3])
    assert alone.std() > 0.5
    torch.testing.assert_close(model(given, sequence), alone.repeat(1, 4, 1, 1), rtol=0, atol=1e-5)
    with pytest.raises(InputError, match="sizes"):
        model.start_from_mono(Visage(mono(replace(TINY, n_codebooks=2))))


def test_the_decoder_alone_starts_from_the_mono_model():
    """Closed form: of the mono model come decoder and rows of W; the encoder, attention to it and other rows are as they were."""
    pretrained, model, before = (lively(config, seed) for config, seed in ((mono(TINY), 3), (TINY, 4), (TINY, 4)))
    model.start_from_mono(pretrained, decoder_alone=True)
    was, theirs = before.state_dict(), pretrained.state_dict()
    for key, now in model.state_dict().items():
        if key.startswith("encoder.") or ".memory_attention." in key or key not in theirs:
            assert torch.equal(now, was[key]), key
        else:  # rows of other channels follow those of W
            n = len(theirs[key])
            assert torch.equal(now[:n], theirs[key]) and torch.equal(now[n:], was[key][n:]), key
    assert len(model.heads.weight) > len(pretrained.heads.weight)


def test_weights_are_drawn_as_released_and_from_the_generator():
    """Closed form: deviation 0.02 within four standard errors, zeros and ones where stated; the same seed, the same model."""
    model, again = Visage(TINY, seeded(8)), Visage(TINY, seeded(8))
    drawn = []
    for (name, a), b in zip(model.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b), name
        if a.dim() == 2 and len(a) > 1:
            drawn.append(a[a != 0])
        else:
            assert (a == (1 if "norm.weight" in name else 0)).all(), name
    values = torch.cat(drawn)
    assert values.std().item() == pytest.approx(0.02, abs=4 * 0.02 / (2 * len(values)) ** 0.5)
    assert not model.decoder.codes[TINY.padding :: 64].any() and model.decoder.codes[0].any()


def test_what_does_not_fit_is_said():
    """Planted: a missing or needless condition, too many frames, too many steps, heads that do not divide the width."""
    model, given = Visage(TINY), conditioning(TINY)
    with pytest.raises(InputError, match="energy map of the conditions does not fit the model: it needs one"):
        model.encode(replace(given, energy_map=None))
    with pytest.raises(InputError, match="direction of the conditions does not fit the model: it was made without one"):
        Visage(replace(TINY, direction=False)).encode(given)
    with pytest.raises(InputError, match="positions for 6 frames, got 7"):
        model.encode(replace(given, features=torch.zeros(2, 7, 16)))
    with pytest.raises(InputError, match="positions for 24 steps, got 25"):
        model.decode(torch.zeros(2, 8, 32), codes(TINY, 24))
    with pytest.raises(InputError, match="positions for 24 steps, got 25"):
        model.cache(torch.zeros(2, 8, 32), 25)
    cache = model.cache(torch.zeros(2, 8, 32), 3)
    with pytest.raises(InputError, match="room for 3 steps, asked for step 3"):
        model.step(codes(TINY, 1)[..., 0], cache, 3)
    for name, part, shape in (
        ("features", torch.zeros(2, 6, 15), r"\(2, 6, 16\)"),
        ("direction", torch.zeros(1, 3), r"\(2, 3\)"),
        ("energy_map", given.energy_map[:, :1], r"must have the shape \(2, 6"),
    ):
        with pytest.raises(InputError, match=shape):
            model.encode(replace(given, **{name: part}))
    with pytest.raises(InputError, match="divide into 5 heads"):
        VisageConfig(n_heads=5)
    for name, value in (("n_heads", 0), ("n_heads", -4), ("width", "48"), ("n_encoder_layers", 1.5), ("max_steps", True)):
        with pytest.raises(InputError, match=f"{name} of a ViSAGe is a whole number of at least 1, got {value!r}"):
            VisageConfig(**{name: value})
    with pytest.raises(InputError, match="direction of a ViSAGe is true or false, got 1"):
        VisageConfig(direction=1)
    for dropout in (7, -0.1, float("nan"), "0"):
        with pytest.raises(InputError, match="dropout"):
            VisageConfig(dropout=dropout)

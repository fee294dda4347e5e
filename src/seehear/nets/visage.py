"""ViSAGe's transformer (Kim, Yun and Kim, ICLR 2025, section 5): video features and a camera direction to codes of ambisonics.

Layers are BART's (Lewis et al. 2020): the norm after the sum, GELU, learned positions. Rows of codes are channel-major:
row = channel * N + codebook, with the channels in ACN order W, Y, Z, X, as in the released data (the paper's text says
W, X, Y, Z). Directions are unit vectors in our axes: x front, y left, z up.

Legend: B batch, F frames, S steps of a code pattern, K = n_rows, V = codebook_size, D = width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.nets.decoding import RowHeads, attend_once, cached_dtype, can_pack, pack
from seehear.nets.visage_config import VisageConfig, mono
from seehear.sampling.autoregressive import StepLogits
from seehear.types import InputError

POSITION_OFFSET = 2
"""BART keeps two positions free in the decoder: step 0 has embedding 2."""
INITIAL_DEVIATION = 0.02
"""Standard deviation of weights and embeddings before training, as released."""


@dataclass(frozen=True)
class Conditioning:
    """What the sound should fit."""

    features: Tensor
    """(B, F, feature_size) of the frames."""
    direction: Tensor | None = None
    """(B, 3) unit vectors: x front, y left, z up; None where the configuration has no direction."""
    energy_map: Tensor | None = None
    """(B, F, n_patches), row by row from the top left; None where the configuration has no energy map."""


@dataclass(frozen=True)
class Cache:
    """Keys and values that later steps attend to, preallocated; ``Visage.step`` writes into them."""

    keys: Tensor
    """(layers, B, heads, steps, D / heads)."""
    values: Tensor
    """As keys."""
    memory_keys: Tensor
    """(layers, B, heads, F + 2, D / heads)."""
    memory_values: Tensor
    """As memory_keys."""


class SelfAttention(nn.Module):
    """Attention of a sequence to itself, (B, S, D) to (B, S, D)."""

    def __init__(self, config: VisageConfig):
        super().__init__()
        self.n_heads = config.n_heads
        self.query_key_value = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = self.query_key_value(x).chunk(3, -1)
        return _by_head(query, self.n_heads), _by_head(key, self.n_heads), _by_head(value, self.n_heads)

    def forward(self, x: Tensor, causal: bool) -> Tensor:
        return self.out(_joined(F.scaled_dot_product_attention(*self._split(x), is_causal=causal)))

    def step(self, x: Tensor, keys: Tensor, values: Tensor, position: int | Tensor) -> Tensor:
        """The output at one position (B, 1, D), whose key and value are written into (B, heads, steps, D / heads)."""
        query, key, value = self._split(x)
        if isinstance(position, int):
            keys[:, :, position : position + 1] = key
            values[:, :, position : position + 1] = value
            # A view of what is filled: attention reads no more than it needs.
            keys, values = keys[:, :, : position + 1], values[:, :, : position + 1]
            return self.out(_joined(attend_once(query, keys, values)))
        keys.index_copy_(2, position.view(1), key.to(keys.dtype))
        values.index_copy_(2, position.view(1), value.to(values.dtype))
        filled = (torch.arange(keys.shape[2], device=keys.device) <= position).view(1, 1, 1, -1)
        return self.out(_joined(attend_once(query, keys, values, filled)))


class CrossAttention(nn.Module):
    """Attention of the decoder, (B, S, D), to the memory that the encoder left."""

    def __init__(self, config: VisageConfig):
        super().__init__()
        self.n_heads = config.n_heads
        self.query = nn.Linear(config.width, config.width)
        self.key_value = nn.Linear(config.width, 2 * config.width)
        self.out = nn.Linear(config.width, config.width)

    def keys_and_values(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, heads, F + 2, D / heads) of a memory (B, F + 2, D): the same at every step."""
        key, value = self.key_value(memory).chunk(2, -1)
        return _by_head(key, self.n_heads), _by_head(value, self.n_heads)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        query = _by_head(self.query(x), self.n_heads)
        attend = attend_once if x.shape[1] == 1 else F.scaled_dot_product_attention
        return self.out(_joined(attend(query, keys, values)))


class FeedForward(nn.Module):
    """Two linear layers with a GELU between them, at every position alike."""

    def __init__(self, config: VisageConfig):
        super().__init__()
        self.inner = nn.Linear(config.width, config.feed_forward)
        self.out = nn.Linear(config.feed_forward, config.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.gelu(self.inner(x)))


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each x -> norm(x + branch(x))."""

    def __init__(self, config: VisageConfig):
        super().__init__()
        self.attention = SelfAttention(config)
        self.attention_norm = nn.LayerNorm(config.width)
        self.feed_forward = FeedForward(config)
        self.feed_forward_norm = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.attention_norm(x + self.dropout(self.attention(x, causal=False)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class DecoderLayer(nn.Module):
    """Causal self-attention, attention to the memory and feed-forward, each x -> norm(x + branch(x))."""

    def __init__(self, config: VisageConfig):
        super().__init__()
        self.attention = SelfAttention(config)
        self.attention_norm = nn.LayerNorm(config.width)
        self.memory_attention = CrossAttention(config)
        self.memory_attention_norm = nn.LayerNorm(config.width)
        self.feed_forward = FeedForward(config)
        self.feed_forward_norm = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        attended = self.attention(x, causal=True)
        return self._after_attention(x, attended, *self.memory_attention.keys_and_values(memory))

    def step(self, x: Tensor, cache: Cache, layer: int, position: int | Tensor) -> Tensor:
        """The output at one position (B, 1, D)."""
        attended = self.attention.step(x, cache.keys[layer], cache.values[layer], position)
        return self._after_attention(x, attended, cache.memory_keys[layer], cache.memory_values[layer])

    def _after_attention(self, x: Tensor, attended: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        x = self.attention_norm(x + self.dropout(attended))
        x = self.memory_attention_norm(x + self.dropout(self.memory_attention(x, keys, values)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class Encoder(nn.Module):
    """The conditional encoding of section 5.1: conditions of F frames to a memory (B, F + 2, D)."""

    def __init__(self, config: VisageConfig):
        super().__init__()
        self.features = nn.Linear(config.feature_size, config.width)
        self.direction = _two_layers(3, config.width) if config.direction else None
        self.energy_map = _two_layers(config.n_patches, config.width) if config.energy_map else None
        self.positions = nn.Parameter(torch.empty(config.max_frames, config.width))
        self.start = nn.Parameter(torch.empty(1, config.width))
        self.end = nn.Parameter(torch.empty(1, config.width))
        self.norm = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.n_encoder_layers))

    def forward(self, conditioning: Conditioning) -> Tensor:
        """I + I_e + I_d + positions, between the learned start and end, which have no position as released."""
        x = self.features(conditioning.features)
        if self.energy_map is not None:
            x = x + self.energy_map(conditioning.energy_map)
        if self.direction is not None:
            x = x + self.direction(conditioning.direction)[:, None]
        x = x + self.positions[: x.shape[1]]
        start, end = (end.expand(len(x), 1, -1) for end in (self.start, self.end))
        x = self.dropout(self.norm(torch.cat([start, x, end], 1)))
        for layer in self.layers:
            x = layer(x)
        return x


class Decoder(nn.Module):
    """The decoder of section 5.2: K rows of codes, embedded and summed, to hidden states."""

    def __init__(self, config: VisageConfig):
        super().__init__()
        self.config = config
        # One table for all rows, so that their sum is one gather.
        self.codes = nn.Parameter(torch.empty(config.n_rows * config.embeddings_per_row, config.width))
        self.positions = nn.Parameter(torch.empty(config.max_steps + POSITION_OFFSET, config.width))
        self.start = nn.Parameter(torch.empty(1, config.width))
        self.norm = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.n_decoder_layers))

    def embed(self, codes: Tensor) -> Tensor:
        """The sum over the rows (B, S, D) of the embeddings of codes (B, K, S); padding adds nothing and learns nothing."""
        padding, per_row = self.config.padding, self.config.embeddings_per_row
        first = torch.arange(0, len(self.codes), per_row, device=codes.device)[:, None]
        indices = torch.where(codes == padding, padding, codes + first).transpose(1, 2)
        embedded = F.embedding_bag(indices.flatten(0, 1), self.codes, mode="sum", padding_idx=padding)
        return embedded.unflatten(0, indices.shape[:2])

    def forward(self, memory: Tensor, codes: Tensor, first_step: int = 0) -> Tensor:
        x = torch.cat([self.start.expand(len(codes), 1, -1), self.embed(codes)], 1)
        x = x + self.positions[POSITION_OFFSET + first_step :][: x.shape[1]]
        x = self.dropout(self.norm(x))
        for layer in self.layers:
            x = layer(x, memory)
        return x

    def step(self, codes: Tensor | None, cache: Cache, position: int | Tensor) -> Tensor:
        n = cache.keys.shape[1]
        x = self.start.expand(n, 1, -1) if codes is None else self.embed(codes[..., None])
        at = position + POSITION_OFFSET
        x = x + (self.positions[at] if isinstance(at, int) else self.positions.index_select(0, at.view(1)))
        x = self.dropout(self.norm(x))
        for i, layer in enumerate(self.layers):
            x = layer.step(x, cache, i, position)
        return x


class Visage(nn.Module):
    """Logits of the codes of every step, given the conditions and the codes of the steps before."""

    def __init__(self, config: VisageConfig, generator: torch.Generator | None = None):
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.heads = RowHeads(config.width, config.n_rows, config.codebook_size)
        self.null_features = nn.Parameter(torch.empty(config.feature_size))
        self.null_direction = nn.Parameter(torch.empty(3)) if config.direction else None
        self.null_energy_map = nn.Parameter(torch.empty(config.n_patches)) if config.energy_map else None
        self.initialise(generator)

    @torch.no_grad()
    def initialise(self, generator: torch.Generator | None) -> None:
        """Draws the weights as released: deviation 0.02; biases, start, end, padding and null embeddings 0; norms 1."""
        if self.heads.weight.is_meta:
            return  # there is nothing to fill, and normal_ would first import seconds of meta functions
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2 and not name.endswith((".start", ".end")):
                parameter.normal_(0, INITIAL_DEVIATION, generator=generator)
            else:
                parameter.fill_(1 if name.endswith("norm.weight") else 0)
        self.decoder.codes[self.config.padding :: self.config.embeddings_per_row] = 0

    def forward(self, conditioning: Conditioning, codes: Tensor) -> Tensor:
        """Logits (B, K, S + 1, V): of the first step, and of the step after each of codes (B, K, S)."""
        return self.logits(self.decode(self.encode(conditioning), codes)).transpose(1, 2)

    def encode(self, conditioning: Conditioning) -> Tensor:
        """The memory (B, F + 2, D); InputError if a condition is missing, left over, misshapen or longer than the positions."""
        for name in ("direction", "energy_map"):
            wanted = getattr(self.config, name)
            if (getattr(conditioning, name) is not None) != wanted:
                what = "needs one" if wanted else "was made without one"
                raise InputError(f"the {name.replace('_', ' ')} of the conditions does not fit the model: it {what}")
        n_clips, n_frames = conditioning.features.shape[:2]
        if n_frames > self.config.max_frames:
            raise InputError(f"the model has positions for {self.config.max_frames} frames, got {n_frames}")
        for what, part, shape in (
            ("features", conditioning.features, (n_clips, n_frames, self.config.feature_size)),
            ("direction", conditioning.direction, (n_clips, 3)),
            ("energy map", conditioning.energy_map, (n_clips, n_frames, self.config.n_patches)),
        ):
            if part is not None and part.shape != shape:
                raise InputError(f"the {what} of the conditions must have the shape {shape}, got {tuple(part.shape)}")
        dtype = self.null_features.dtype
        given = (conditioning.features, conditioning.direction, conditioning.energy_map)
        return self.encoder(Conditioning(*(part if part is None else part.to(dtype) for part in given)))

    def decode(self, memory: Tensor, codes: Tensor, first_step: int = 0) -> Tensor:
        """Hidden states (B, S + 1, D): of the first step, and of the step after each of codes (B, K, S).

        With ``first_step`` they are those of a span that starts there, of which nothing is known before.
        """
        n_steps = first_step + codes.shape[-1] + 1
        if n_steps > self.config.max_steps:
            raise InputError(f"the model has positions for {self.config.max_steps} steps, got {n_steps}")
        return self.decoder(memory, codes, first_step)

    def logits(self, hidden: Tensor, rows: Sequence[int] | None = None) -> Tensor:
        """Logits (..., rows, V) of hidden states (..., D), for ``rows`` (ascending) alone if given: a pattern needs only some."""
        return self.heads(hidden, rows)

    def cache(self, memory: Tensor, n_steps: int | None = None) -> Cache:
        """An empty cache for ``n_steps`` steps (max_steps if None) that attend to a memory (B, F + 2, D)."""
        n_steps, config = n_steps or self.config.max_steps, self.config
        if n_steps > config.max_steps:
            raise InputError(f"the model has positions for {config.max_steps} steps, got {n_steps}")
        over = [layer.memory_attention.keys_and_values(memory) for layer in self.decoder.layers]
        memory_keys, memory_values = (torch.stack(part).to(cached_dtype(memory)) for part in zip(*over, strict=True))
        shape = (config.n_decoder_layers, len(memory), config.n_heads, n_steps, config.width // config.n_heads)
        # Zeros, not empty: a masked position still takes part in a product, where a stray NaN would spread.
        return Cache(memory_keys.new_zeros(shape), memory_keys.new_zeros(shape), memory_keys, memory_values)

    def step(self, codes: Tensor | None, cache: Cache, position: int | Tensor) -> Tensor:
        """The hidden state (B, D) of step ``position``, of which the last codes (B, K) are known: None at step 0.

        Steps come in order from 0. A position as a tensor, on the device of the model, is read at run time: all shapes
        stay the same, so the step can be captured once and replayed; an integer attends to no more than what is filled.
        InputError for an integer beyond the cache.
        """
        if isinstance(position, int) and position >= cache.keys.shape[3]:
            raise InputError(f"the cache has room for {cache.keys.shape[3]} steps, asked for step {position}")
        return self.decoder.step(codes, cache, position)[:, 0]

    def step_logits(self, memory: Tensor, n_steps: int, rows_at: Callable[[int], Sequence[int]] | None = None) -> StepLogits:
        """A step function for ``sampling.generate``, over a memory (B, F + 2, D): it keeps the cache of one generation.

        With ``rows_at``, which names the rows that have a code at a step, only those are computed; the others are 0.
        """
        return self.step_logits_over(self.cache(memory, n_steps), rows_at)

    def step_logits_over(self, cache: Cache, rows_at: Callable[[int], Sequence[int]] | None = None) -> StepLogits:
        """``step_logits`` over a cache of one's own, which may hold the steps before the first that is asked for."""
        config = self.config

        def logits(sequence: Tensor, step: int, /) -> Tensor:
            hidden = self.step(sequence[..., step - 1] if step else None, cache, step)
            if rows_at is None:
                return self.logits(hidden)
            rows = list(rows_at(step))
            every = hidden.new_zeros(len(hidden), config.n_rows, config.codebook_size)
            every[:, rows] = self.logits(hidden, rows)
            return every

        return logits

    def without(
        self, conditioning: Conditioning, *, visual: bool | Tensor = False, direction: bool | Tensor = False
    ) -> Conditioning:
        """``conditioning`` with null embeddings where told, for all or by a mask (B,): features and energy map together."""
        energy_map, towards = conditioning.energy_map, conditioning.direction
        if energy_map is not None:
            energy_map = _dropped(energy_map, self.null_energy_map, visual)
        if towards is not None:
            towards = _dropped(towards, self.null_direction, direction)
        return Conditioning(_dropped(conditioning.features, self.null_features, visual), towards, energy_map)

    @torch.no_grad()
    def for_decoding(self, dtype: torch.dtype | None = None) -> Visage:
        """A model of the same answers (to rounding) for making codes alone, in ``dtype``: it can be neither trained nor saved.

        On a CPU with oneDNN large layers hold their weights in the order that steps of few rows read fastest; memory for
        them comes on top of this model's.
        """
        weights = {key: tensor.to(dtype or tensor.dtype) for key, tensor in self.state_dict().items()}
        with torch.device("meta"):
            other = Visage(self.config)
        other.load_state_dict(weights, assign=True)
        del weights  # so that each is freed once it is packed
        if self.heads.weight.device.type == "cpu" and can_pack(other.heads.weight.dtype):
            pack(other)
        return other.eval().requires_grad_(False)

    @torch.no_grad()
    def start_from_mono(self, pretrained: Visage, *, decoder_alone: bool = False) -> None:
        """Takes every weight of a model pretrained on mono; rows of other channels start as the row of W with their codebook.

        What mono pretraining has no part of (direction and energy map) stays. With ``decoder_alone`` the encoder, the attention
        to what it says and the rows of other channels stay too. InputError if other sizes differ.
        """
        if replace(mono(self.config), dropout=pretrained.config.dropout) != pretrained.config:
            raise InputError(f"the mono model must have the sizes {mono(self.config)}, got {pretrained.config}")
        own = self.state_dict()
        for key, tensor in pretrained.state_dict().items():
            if key in ("decoder.codes", "heads.weight", "heads.bias"):
                repeats = 1 if decoder_alone else self.config.n_channels
                own[key][: repeats * len(tensor)] = torch.cat([tensor] * repeats)
            elif not (decoder_alone and (key.startswith("encoder.") or ".memory_attention." in key)):
                own[key].copy_(tensor)


def _two_layers(n_in: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_in, width), nn.GELU(), nn.Linear(width, width))


def _by_head(x: Tensor, n_heads: int) -> Tensor:
    """(B, S, D) to (B, heads, S, D / heads)."""
    return x.unflatten(-1, (n_heads, -1)).transpose(1, 2)


def _joined(x: Tensor) -> Tensor:
    """(B, heads, S, D / heads) to (B, S, D)."""
    return x.transpose(1, 2).flatten(2)


def _dropped(values: Tensor, null: Tensor, where: bool | Tensor) -> Tensor:
    mask = torch.as_tensor(where, device=values.device)
    return torch.where(mask.view(-1, *[1] * (values.dim() - 1)), null.to(values.dtype), values)

"""The builtin codec: a lapped transform, layers without bias, and gain-shape residual vector quantisation.

Everything before the codebooks is odd and blind to level: f(a x) = f(x) for a > 0 and f(-x) = -f(x). So of a x only the codes of
the first book differ from those of x (its level, or its sign), and the four channels of a plane wave share their shapes. What
the codes do to a shape they do to all channels alike, and a direction, which is the ratio of channels, survives a low rate.

Sources: gain-shape quantisation (Buzo, Gray, Gray and Markel 1980, product codes), residual quantisation (Zeghidour et al.,
SoundStream, 2021), codebooks as moving averages (van den Oord et al., VQ-VAE, 2017, appendix A.1; Razavi et al. 2019).

Shapes: B sounds, T samples, L frames, M coefficients (the hop), D latent numbers, N codebooks, V codes, m levels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.nets.codec_config import CodecConfig

CODEBOOK_DECAY = 0.97
"""Of the moving averages that codebooks are."""
RARE = 0.05
"""A code that is used less often than this part of its fair share starts anew where data are."""


def cosine_transform(n: int) -> Tensor:
    """The DCT-IV (n, n): sqrt(2 / n) cos(pi / n (i + 1/2) (k + 1/2)); symmetric and orthonormal, so its own inverse."""
    i = torch.arange(n, dtype=torch.float64) + 0.5
    return (math.sqrt(2 / n) * torch.cos(math.pi / n * i[:, None] * i[None, :])).float()


def fold(blocks: Tensor, *, inverse: bool = False) -> Tensor:
    """Blocks (B, L, M) rotated into each other across their borders: the windows and aliasing of an MDCT with a sine window.

    Over a border, x(b + n) and x(b - 1 - n) turn by the angle whose cosine is the window, sin(pi / 2M (M / 2 + n + 1/2))
    (Princen, Johnson and Bradley 1987, as rotations). At either end of the sound nothing is folded, so that L blocks give
    exactly L blocks back. ``inverse`` turns the other way.
    """
    if blocks.shape[1] < 2:
        return blocks
    half = blocks.shape[2] // 2
    angle = math.pi / 2 * (0.5 + (torch.arange(half, device=blocks.device, dtype=torch.float64) + 0.5) / blocks.shape[2])
    near, far = angle.sin().to(blocks.dtype), angle.cos().to(blocks.dtype) * (-1 if inverse else 1)
    after, before = blocks[:, 1:, :half], blocks[:, :-1, half:].flip(2)
    new_after, new_before = near * after + far * before, near * before - far * after
    first = torch.cat([blocks[:, :1, :half], new_after], 1)
    second = torch.cat([new_before.flip(2), blocks[:, -1:, half:]], 1)
    return torch.cat([first, second], 2)


def odd(x: Tensor) -> Tensor:
    """x |x| / (1 + |x|): an odd activation, flat at zero and linear far from it."""
    return x * (x.abs() / (1 + x.abs()))


def unit(x: Tensor) -> Tensor:
    """``x`` (..., D) over its RMS; zero stays zero."""
    return x * (x.square().mean(-1, keepdim=True) + 1e-20).rsqrt()


class OddBlock(nn.Module):
    """x + A odd(B conv(unit(x))), all without bias: an odd function of frames (B, L, D)."""

    def __init__(self, width: int, context_frames: int) -> None:
        super().__init__()
        self.context = nn.Conv1d(width, width, context_frames, padding=context_frames // 2, groups=width, bias=False)
        self.into = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.context(unit(x).transpose(1, 2)).transpose(1, 2)
        return x + self.out(odd(self.into(seen)))


@dataclass(frozen=True)
class Quantised:
    """Shapes in the words of the codebooks."""

    codes: Tensor
    """(B, L, N - 1); 0 is the zero vector."""
    signs: Tensor
    """(B, L) of -1 and 1: what the canonical shape was multiplied by."""
    shapes: Tensor
    """(B, L, D), signed."""
    commitment: Tensor
    """Mean squared distance of shapes and what is left of them to their codes, book by book."""


class ShapeBooks(nn.Module):
    """N - 1 residual codebooks of shapes; the first is searched over both signs, and so makes a shape and its mirror one.

    Books are moving averages of what they stood for; codes that hardly anything uses are put where data are.
    """

    def __init__(self, n_books: int, n_codes: int, size: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.randn(n_books, n_codes, size, generator=torch.Generator().manual_seed(0)))
        self.register_buffer("used", torch.ones(n_books, n_codes))
        self.vectors: Tensor
        self.used: Tensor

    def lookup(self, codes: Tensor) -> Tensor:
        """Sum (..., D) of the vectors of codes (..., n), n <= N - 1; code 0 adds nothing."""
        zero = self.vectors.new_zeros(1, self.vectors.shape[2])
        return sum(
            (F.embedding(codes[..., book], torch.cat([zero, self.vectors[book]])) for book in range(codes.shape[-1])),
            start=self.vectors.new_zeros(()),
        )

    def forward(self, shapes: Tensor, rng: torch.Generator | None = None, n_books: Tensor | None = None) -> Quantised:
        """Codes of shapes (B, L, D). With ``rng`` the books learn; ``n_books`` (B,) leaves out the later ones of a sound."""
        flat = shapes.detach().reshape(-1, shapes.shape[-1])
        taken, signs, kept = self._first(flat)
        rest = flat * signs[:, None]
        codes, picked = [], torch.zeros_like(rest)
        distance = shapes.new_zeros(())
        canonical = shapes.reshape(rest.shape) * signs[:, None]
        for book, vectors in enumerate(self.vectors):
            if book:
                # The zero vector is a code too: what is already well said needs no more words.
                scores = vectors.square().sum(1) - 2 * rest @ vectors.T
                best, taken = scores.min(1)
                kept = best < 0
            chosen = vectors[taken] * kept[:, None]
            if n_books is not None:
                heard = (book < n_books).repeat_interleave(shapes.shape[1])[:, None]
                chosen = chosen * heard
            if rng is not None:
                self._learn(book, rest, taken, kept, rng)
            distance = distance + (canonical - (picked + chosen)).square().mean()
            codes.append((taken + 1) * kept)
            picked, rest = picked + chosen, rest - chosen
        said = (picked * signs[:, None]).reshape(shapes.shape)
        return Quantised(torch.stack(codes, 1).reshape(*shapes.shape[:2], -1), signs.reshape(shapes.shape[:2]), said, distance)

    def _first(self, flat: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Code, sign and whether there is anything, by the smallest |s z - c| over codes c and signs s."""
        vectors = self.vectors[0]
        products = flat @ vectors.T
        taken = (2 * products.abs() - vectors.square().sum(1)).max(1).indices
        best = products.gather(1, taken[:, None])[:, 0]
        return taken, torch.where(best < 0, -1.0, 1.0), flat.abs().amax(1) > 0

    @torch.no_grad()
    def _learn(self, book: int, rest: Tensor, taken: Tensor, kept: Tensor, rng: torch.Generator) -> None:
        used, vectors = self.used[book], self.vectors[book]
        taken, rest = taken[kept], rest[kept]
        if not len(rest):
            return
        count = torch.bincount(taken, minlength=len(used)).to(rest.dtype)
        total = torch.zeros_like(vectors).index_add_(0, taken, rest)
        after = CODEBOOK_DECAY * used + (1 - CODEBOOK_DECAY) * count
        # Of the sum's moving average only the quotient is kept: the vector itself.
        moved = CODEBOOK_DECAY * used[:, None] * vectors + (1 - CODEBOOK_DECAY) * total
        vectors.copy_(torch.where(after[:, None] > 1e-3, moved / after[:, None].clamp_min(1e-3), vectors))
        used.copy_(after)
        rare = used < RARE * used.mean()
        if rare.any():
            drawn = torch.randint(len(rest), (int(rare.sum()),), generator=rng)
            vectors[rare] = rest[drawn]
            used[rare] = used.mean()


class GainShapeCodec(nn.Module):
    """Sound (B, T) to codes (B, N, L) and back, L = ceil(T / M)."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        hop, width = config.hop_samples, config.width
        self.into = nn.Linear(2 * hop, width, bias=False)
        self.encoder = nn.ModuleList(OddBlock(width, config.context_frames) for _ in range(config.n_blocks))
        self.to_latent = nn.Linear(width, config.latent, bias=False)
        self.books = ShapeBooks(config.n_codebooks - 1, config.codebook_size - 1, config.latent)
        self.from_latent = nn.Linear(config.latent, width, bias=False)
        self.decoder = nn.ModuleList(OddBlock(width, config.context_frames) for _ in range(config.n_blocks))
        self.out = nn.Linear(width, hop, bias=False)
        self.register_buffer("transform", cosine_transform(hop), persistent=False)
        middle_hz = (torch.arange(hop) + 0.5) * (config.sample_rate_hz / 2 / hop)
        self.register_buffer("emphasis", (0.05 + middle_hz / 1000) ** config.emphasis, persistent=False)
        self.transform: Tensor
        self.emphasis: Tensor

    def start_from(self, components: Tensor) -> None:
        """Makes the layers a projection on orthonormal ``components`` (D, M) and back: what there is before learning.

        Distances between latents are then those between frames, so that the books spend their words where energy is.
        """
        size = self.config.latent
        with torch.no_grad():
            self.into.weight[:size] = torch.cat([components, torch.zeros_like(components)], 1)
            self.to_latent.weight.zero_()[:, :size] = torch.eye(size)
            self.from_latent.weight[:size] = torch.eye(size)
            # Shapes have unit RMS; about half of a frame's energy lies in the components.
            self.out.weight.zero_()[:, :size] = components.T * math.sqrt(self.config.hop_samples / size / 2)

    def analyse(self, sound: Tensor) -> tuple[Tensor, Tensor]:
        """Levels (B, L), the RMS of emphasised coefficients, and frames (B, L, M) of these over their level, of (B, T)."""
        hop = self.config.hop_samples
        padded = F.pad(sound, (0, -sound.shape[1] % hop))
        raised = fold(padded.reshape(len(sound), -1, hop)) @ self.transform * self.emphasis
        return raised.square().mean(-1).sqrt(), unit(raised)

    def synthesise(self, levels: Tensor, frames: Tensor) -> Tensor:
        """Sound (B, L M) of levels (B, L) and frames (B, L, M): the inverse of ``analyse``."""
        blocks = fold((levels[..., None] * frames / self.emphasis) @ self.transform, inverse=True)
        return blocks.reshape(len(blocks), -1)

    def shapes(self, frames: Tensor) -> Tensor:
        """What the codebooks are to say (B, L, D), unit RMS, of frames (B, L, M)."""
        x = self.into(torch.cat([frames, frames.sign() * frames.abs().sqrt()], -1))
        for block in self.encoder:
            x = block(x)
        return unit(self.to_latent(x))

    def frames(self, shapes: Tensor) -> Tensor:
        """Frames (B, L, M) of shapes (B, L, D)."""
        x = self.from_latent(shapes)
        for block in self.decoder:
            x = block(x)
        return self.out(x)

    def forward(self, sound: Tensor, rng: torch.Generator, n_books: Tensor) -> tuple[Tensor, Tensor, Quantised]:
        """Levels and frames as the decoder makes them with levels unrounded, for training; gradients pass the codes straight."""
        levels, frames = self.analyse(sound)
        shapes = self.shapes(frames)
        quantised = self.books(shapes, rng, n_books)
        return levels, self.frames(shapes + (quantised.shapes - shapes).detach()), quantised

    @torch.no_grad()
    def encode(self, sound: Tensor) -> Tensor:
        """Codes (B, N, L) of sound (B, T)."""
        levels, frames = self.analyse(sound)
        quantised = self.books(self.shapes(frames))
        c = self.config
        level_db = 20 * levels.clamp_min(1e-12).log10()
        steps = ((level_db - c.highest_level_db) / c.level_step_db).round() + c.n_levels
        heard = steps >= 1
        steps = steps.clamp(1, c.n_levels).long()
        first = torch.where(quantised.signs < 0, steps + c.n_levels, steps)
        return (torch.cat([first[..., None], quantised.codes], -1) * heard[..., None]).transpose(1, 2)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Sound (B, L M) of codes (B, n, L) of the first n of N books, n >= 2."""
        c = self.config
        first = codes[:, 0]
        step = torch.where(first > c.n_levels, first - c.n_levels, first)
        levels = 10 ** ((c.highest_level_db + (step - c.n_levels) * c.level_step_db) / 20) * (first > 0)
        signs = torch.where(first > c.n_levels, -1.0, 1.0) * (first > 0)
        return self.synthesise(levels, self.frames(self.books.lookup(codes[:, 1:].transpose(1, 2)) * signs[..., None]))


def mirrored(codes: Tensor, n_levels: int) -> Tensor:
    """Codes (B, N, L) of the negative sound: in the first book k and k + m change places, silence and shapes stay."""
    first = codes[:, :1]
    other = torch.where(first > n_levels, first - n_levels, first + n_levels) * (first > 0)
    return torch.cat([other, codes[:, 1:]], 1)

"""Speed of ViSAGe's decoding at the paper's size, beside the released way of decoding, with the agreement of greedy codes.

    OMP_NUM_THREADS=1 python bench/visage_decoding.py [--early 60] [--late 8] [--rounds 1] [--seed 0] [--device cpu]

The released way, written here on our own modules: two passes for every step, one for each branch of joint guidance, caches grown
by concatenation, logits of every row. Ours: both branches in one batch, caches allocated once, logits of the rows that have a
code; "packed" are the weights of `Visage.for_decoding`, as the verb uses them. Weights and conditions are random (0.02, as before
training), which changes no time, but makes the codes of a step nearly equally likely: the hardest case for their agreement.

All ways take every step in turn, so that load on the machine falls on all of them, and all see the codes that the released way
in float32 made: where a way makes the same code at every step, it makes the same sequence when left alone. Steps 0 to 59 start
from nothing; the last steps before 861 start from caches that are filled with random keys and values, the same for all.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from seehear.nets.visage import POSITION_OFFSET, Cache, Conditioning, Visage
from seehear.nets.visage_config import VisageConfig
from seehear.sampling.guidance import batch_conditions, combined, guidance_named, guided_logits
from seehear.sampling.tokens import pattern_named

N_FRAMES = 430
GUIDANCE = guidance_named("joint")

Step = Callable[[Tensor, int], Tensor]
"""Guided logits (1, K, V) of a step, given the sequence (1, K, step) before it."""


@dataclass(frozen=True)
class Way:
    """A way of decoding, and what was seen of it."""

    name: str
    step: Step
    seconds: list[float]
    same: list[float]
    """For each step the part of its codes that are the released way's."""


def released_step(net: Visage, memory: Tensor, past: tuple[Tensor, Tensor]) -> Step:
    """Each branch on its own, caches grown by torch.cat from ``past``, logits of every row."""
    branches = range(len(memory))
    over = [[layer.memory_attention.keys_and_values(memory[i : i + 1]) for layer in net.decoder.layers] for i in branches]
    grown = [[tuple(part[layer, i : i + 1].clone() for part in past) for layer in range(len(past[0]))] for i in branches]
    n_heads = net.config.n_heads

    def branch(sequence: Tensor, step: int, at: int) -> Tensor:
        decoder = net.decoder
        x = decoder.embed(sequence[..., -1:]) if step else decoder.start.expand(1, 1, -1)
        x = decoder.norm(x + decoder.positions[step + POSITION_OFFSET])
        for i, layer in enumerate(decoder.layers):
            parts = layer.attention.query_key_value(x).chunk(3, -1)
            query, key, value = (part.unflatten(-1, (n_heads, -1)).transpose(1, 2) for part in parts)
            keys, values = grown[at][i]
            grown[at][i] = keys, values = torch.cat([keys, key], 2), torch.cat([values, value], 2)
            attended = F.scaled_dot_product_attention(query, keys, values).transpose(1, 2).flatten(2)
            x = layer.attention_norm(x + layer.attention.out(attended))
            x = layer.memory_attention_norm(x + layer.memory_attention(x, *over[at][i]))
            x = layer.feed_forward_norm(x + layer.feed_forward(x))
        return net.logits(x[:, 0])

    def logits(sequence: Tensor, step: int) -> Tensor:
        return combined(GUIDANCE, torch.stack([branch(sequence, step, at) for at in branches]))

    return logits


def our_step(net: Visage, filled: Cache) -> Step:
    """What `Visage.step_logits` does, from a cache whose first steps may be filled."""
    pattern = pattern_named("visage", net.config.n_codebooks)
    return guided_logits(net.step_logits_over(filled, lambda step: pattern.rows_at(step, N_FRAMES)), GUIDANCE)


def filled_cache(net: Visage, memory: Tensor, past: tuple[Tensor, Tensor]) -> Cache:
    """A cache for every step over ``memory`` (2, F + 2, D), whose first steps are ``past``: keys and values."""
    cache = net.cache(memory.to(net.null_features.dtype))
    n_past = past[0].shape[-2]
    cache.keys[..., :n_past, :], cache.values[..., :n_past, :] = past
    return cache


def random_past(config: VisageConfig, n_steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    shape = (config.n_decoder_layers, 2, config.n_heads, n_steps, config.width // config.n_heads)
    return torch.randn(shape, generator=generator), torch.randn(shape, generator=generator)


def conditions(net: Visage, generator: torch.Generator) -> Tensor:
    """The memory (2, F + 2, D) of the two branches of joint guidance: random conditions, and none."""
    config = net.config
    given = Conditioning(
        torch.randn(2, config.max_frames, config.feature_size, generator=generator),
        F.normalize(torch.randn(2, 3, generator=generator), dim=-1),
        torch.rand(2, config.max_frames, config.n_patches, generator=generator),
    )
    keeps = batch_conditions(GUIDANCE, 1)
    return net.encode(
        net.without(
            given,
            visual=torch.tensor([not each.visual for each in keeps]),
            direction=torch.tensor([not each.direction for each in keeps]),
        )
    )


def take_steps(ways: list[Way], sequence: Tensor, first: int, stop: int) -> Tensor:
    """The sequence (1, K, stop), grown by the greedy codes of the first way; every way takes every step."""
    pattern = pattern_named("visage", sequence.shape[1] // 4)
    padding = VisageConfig().padding
    for step in range(first, stop):
        rows = list(pattern.rows_at(step, N_FRAMES))
        made = []
        for way in ways:
            begin = time.perf_counter()
            made.append(way.step(sequence, step)[:, rows].argmax(-1))
            way.seconds.append(time.perf_counter() - begin)
            way.same.append(float((made[-1] == made[0]).float().mean()))
        codes = torch.full((1, sequence.shape[1], 1), padding)
        codes[:, rows, 0] = made[0]
        sequence = torch.cat([sequence, codes], -1)
    return sequence


def ways_of(nets: dict[str, Visage], memory: Tensor, past: tuple[Tensor, Tensor]) -> list[Way]:
    """The released way first, then ours with each of ``nets``."""
    dense = nets["float32"]
    ways = [Way("released way, float32", released_step(dense, memory, past), [], [])]
    for name, net in nets.items():
        ways.append(Way(f"ours, {name}", our_step(net, filled_cache(net, memory, past)), [], []))
    return ways


def report(title: str, ways: list[Way]) -> None:
    print(f"\n{title:38} {'ms a step':>10} {'ratio':>7} {'of 10 %':>15} {'same codes':>11}")
    for way in ways:
        ratios = torch.tensor(ways[0].seconds) / torch.tensor(way.seconds)
        low, high = ratios.quantile(torch.tensor([0.1, 0.9])).tolist()
        same = f"{100 * sum(way.same) / len(way.same):.1f} %"
        milliseconds = 1000 * float(torch.tensor(way.seconds).median())
        print(f"{way.name:38} {milliseconds:10.1f} {float(ratios.median()):6.2f}x {f'{low:.2f} to {high:.2f}':>15} {same:>11}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--early", type=int, default=60, help="steps from the start")
    parser.add_argument("--late", type=int, default=8, help="steps before 861")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    generator = torch.Generator().manual_seed(given.seed)
    config = VisageConfig()
    with torch.inference_mode():
        dense = Visage(config, generator).eval()
        nets = {
            "float32": dense,
            "float32, packed": dense.for_decoding(),
            "bfloat16, packed": dense.for_decoding(torch.bfloat16),
        }
        memory = conditions(dense, generator)
        for title, first, stop in (
            (f"steps 0 to {given.early - 1}", 0, given.early),
            (f"steps {config.max_steps - given.late} to {config.max_steps - 1}", config.max_steps - given.late, config.max_steps),
        ):
            ways = ways_of(nets, memory, random_past(config, first, generator))
            sequence = torch.randint(config.codebook_size, (1, config.n_rows, first), generator=generator)
            take_steps(ways, sequence, first, stop)
            report(title, ways)


if __name__ == "__main__":
    main()

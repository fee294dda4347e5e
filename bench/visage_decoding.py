"""Speed of ViSAGe's decoding at the paper's size, beside the released way of decoding, with the agreement of greedy codes.

    OMP_NUM_THREADS=1 python bench/visage_decoding.py [--early 60] [--late 8] [--seed 0] [--device cpu|cuda]

The released way, written here on our own modules: two passes for every step, one for each branch of joint guidance, caches grown
by concatenation. Ours: both branches in one batch, caches allocated once. Both make logits of the rows that have a code, as
released; "packed" are the weights of `Visage.for_decoding`, as the verb uses them. Weights and conditions are random (0.02, as
before training), which changes no time, but makes the codes of a step nearly equally likely: the hardest case for agreement.

All ways take every step in turn, so that load on the machine falls on all of them, and all see the codes that the released way
in float32 made: where a way makes the same code at every step, it makes the same sequence when left alone. Steps 0 to 59 start
from nothing; the last steps before 861 start from caches that are filled with random keys and values, the same for all. Medians
are over steps. "CPU" is the time of the one thread: other work on the machine counts only as far as it takes memory bandwidth;
"clock" counts all. With --device cuda both are the clock, nothing is packed, and our step is also captured in a CUDA graph.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
    """By the clock, for each step."""
    cpu_seconds: list[float]
    same: list[float]
    """For each step the part of its codes that are the released way's."""


def released_step(net: Visage, memory: Tensor, past: tuple[Tensor, Tensor]) -> Step:
    """Each branch on its own, caches grown by torch.cat from ``past``."""
    pattern = pattern_named("visage", net.config.n_codebooks)
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
        rows = list(pattern.rows_at(step, N_FRAMES))
        every = x.new_zeros(1, net.config.n_rows, net.config.codebook_size)
        every[:, rows] = net.logits(x[:, 0], rows)
        return every

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


def replayed_step(net: Visage, filled: Cache, first: int) -> Step:
    """Ours captured once in a CUDA graph and replayed: the position is a tensor, attention masks what comes later, every row."""
    n_branches, device = filled.keys.shape[1], filled.keys.device
    codes = torch.full((n_branches, net.config.n_rows), net.config.padding, device=device)
    position = torch.tensor(max(first, 1), device=device)

    def guided(codes: Tensor | None, position: int | Tensor) -> Tensor:
        return combined(GUIDANCE, net.logits(net.step(codes, filled, position)).float()[:, None])

    warming = torch.cuda.Stream()
    with torch.cuda.stream(warming):
        for _ in range(3):
            guided(codes, position)
    torch.cuda.current_stream().wait_stream(warming)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        made = guided(codes, position)

    def logits(sequence: Tensor, step: int) -> Tensor:
        if step == 0:
            return guided(None, 0)
        codes.copy_(sequence[..., -1].expand_as(codes))
        position.fill_(step)
        graph.replay()
        return made

    return logits


def take_steps(ways: list[Way], sequence: Tensor, stop: int) -> None:
    """Every way takes every step from the end of ``sequence`` (1, K, S) to ``stop``, after the codes of the first way."""
    cpu_clock = time.perf_counter if sequence.is_cuda else time.process_time
    n_rows, first = sequence.shape[1:]
    pattern = pattern_named("visage", n_rows // 4)
    for step in range(first, stop):
        rows = list(pattern.rows_at(step, N_FRAMES))
        made = []
        for way in ways:
            begin, begin_cpu = time.perf_counter(), cpu_clock()
            made.append(way.step(sequence, step)[:, rows].argmax(-1).cpu())  # the copy waits for a GPU
            way.seconds.append(time.perf_counter() - begin)
            way.cpu_seconds.append(cpu_clock() - begin_cpu)
            way.same.append(float((made[-1] == made[0]).float().mean()))
        codes = torch.full((1, n_rows, 1), VisageConfig().padding)
        codes[:, rows, 0] = made[0]
        sequence = torch.cat([sequence, codes.to(sequence.device)], -1)


def ways_of(nets: dict[str, Visage], memory: Tensor, past: tuple[Tensor, Tensor]) -> list[Way]:
    """The released way first, then ours with each of ``nets``."""
    ways = [Way("released way, float32", released_step(nets["float32"], memory, past), [], [], [])]
    for name, net in nets.items():
        ways.append(Way(f"ours, {name}", our_step(net, filled_cache(net, memory, past)), [], [], []))
        if memory.is_cuda:
            replayed = replayed_step(net, filled_cache(net, memory, past), past[0].shape[-2])
            ways.append(Way(f"ours, {name}, CUDA graph", replayed, [], [], []))
    return ways


def report(title: str, ways: list[Way]) -> None:
    """One line for each way: medians over the steps, and between which ratios eight of ten steps lie."""
    print(
        f"\n{title:32} {'CPU ms':>8} {'faster by':>10} {'8 of 10 steps':>15} {'clock ms':>9} {'faster by':>10} {'same codes':>11}"
    )
    for way in ways:
        same = 100 * sum(way.same) / len(way.same)
        cpu, clock = torch.tensor(way.cpu_seconds), torch.tensor(way.seconds)
        cpu_ratio, clock_ratio = torch.tensor(ways[0].cpu_seconds) / cpu, torch.tensor(ways[0].seconds) / clock
        low, high = cpu_ratio.quantile(torch.tensor([0.1, 0.9])).tolist()
        print(
            f"{way.name:32} {1000 * float(cpu.median()):8.1f} {float(cpu_ratio.median()):9.2f}x {f'{low:.2f} to {high:.2f}':>15} "
            f"{1000 * float(clock.median()):9.1f} {float(clock_ratio.median()):9.2f}x {same:9.1f} %"
        )


def print_floor(net: Visage, step: int) -> None:
    """The time that one thread (or the GPU) takes to read what our step reads, at the speed of a sum."""
    config, device = net.config, net.null_features.device
    once = "memory_attention.key_value"  # read once for all steps
    layers = sum(p.numel() for name, p in net.decoder.layers.named_parameters() if once not in name)
    heads = (config.width + 1) * config.codebook_size * config.n_rows // 2  # half of the rows have a code at a step
    cached = 2 * 2 * config.n_decoder_layers * config.width * step
    source = torch.ones(2**28 if device.type == "cuda" else 2**26, device=device)
    cpu_clock = time.perf_counter if device.type == "cuda" else time.process_time
    seconds = []
    for _ in range(5):
        begin = cpu_clock()
        source.sum().item()  # which waits for a GPU
        seconds.append(cpu_clock() - begin)
    bytes_per_s = source.numel() * source.element_size() / min(seconds)
    for name, size in (("float32", 4), ("bfloat16", 2)):
        cache_size = size if device.type == "cuda" else 4
        floor_s = ((layers + heads) * size + cached * cache_size) / bytes_per_s
        print(f"reading alone takes {1000 * floor_s:6.2f} ms at step {step} in {name} ({bytes_per_s / 1e9:.0f} GB/s)")


def print_machine(device: torch.device) -> None:
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s), load {load}, {time.strftime('%Y-%m-%d')}")
    if device.type == "cuda":
        print(torch.cuda.get_device_name(device))
        return
    flags = set(re.findall(r"\S+", Path("/proc/cpuinfo").read_text())) if Path("/proc/cpuinfo").exists() else set()
    has = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    print(f"{platform.machine()}, torch uses {torch.backends.cpu.get_cpu_capability()}, the processor has {' '.join(has)}")


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--early", type=int, default=60, help="steps from the start")
    parser.add_argument("--late", type=int, default=8, help="steps before 861")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    given = parser.parse_args()
    device = torch.device(given.device)
    generator = torch.Generator().manual_seed(given.seed)
    config = VisageConfig()
    print_machine(device)
    dense = Visage(config, generator).eval()
    memory = conditions(dense, generator).to(device)
    dense = dense.to(device)
    packed = "" if device.type == "cuda" else ", packed"
    nets = {"float32": dense} | ({f"float32{packed}": dense.for_decoding()} if packed else {})
    nets[f"bfloat16{packed}"] = dense.for_decoding(torch.bfloat16)
    for first, stop in ((0, given.early), (config.max_steps - given.late, config.max_steps)):
        past = random_past(config, first, generator)
        ways = ways_of(nets, memory, (past[0].to(device), past[1].to(device)))
        sequence = torch.randint(config.codebook_size, (1, config.n_rows, first), generator=generator)
        take_steps(ways, sequence.to(device), stop)
        report(f"steps {first} to {stop - 1}", ways)
        print_floor(dense, stop - 1)


if __name__ == "__main__":
    main()

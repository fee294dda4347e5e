"""First weights with which a narrow ViSAGe soon learns what directions and codes mean (ours; the released ones: `nets.visage`).

With a deviation of 0.02 everywhere, as released, the three numbers of a direction enter a net of width 192 about 150 times
weaker than the features, and which of the mirrored codes belongs to which side must be learned for every level by itself. The
values of an energy map sum to 1 over its patches: it enters weaker still.

Legend: N codebooks, V codes, E numbers that stand for a code, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seehear.nets.visage import Visage

CLEARER = 4.0
"""How many times stronger direction and energy map start, and weaker the features."""
MAP_SCALE = 12.0
"""How many times stronger an energy map (7 x 7 patches, a length of about 0.3) enters besides: as strong as a direction."""
EMBEDDING_SCALE, HEAD_SCALE = 0.1, 0.5
"""Length of embeddings and logits of codes beside that of their vectors."""


@torch.no_grad()
def start_clear(net: Visage, code_vectors: Tensor | None, generator: torch.Generator) -> None:
    """Fills the layers that conditions pass through, and what belongs to codes; everything else stays.

    The former have the deviation 1 / sqrt(inputs) (LeCun et al. 1998, Efficient BackProp). Embeddings and heads are random
    projections of ``code_vectors`` (N, V, E), what the codec says of its codes: codes that are near each other start alike. Of a
    codec that says nothing (None) they stay as they are.
    """
    through = [net.encoder, *(layer.memory_attention for layer in net.decoder.layers)]
    for layer in (layer for part in through for layer in part.modules() if isinstance(layer, nn.Linear)):
        layer.weight.normal_(0, layer.in_features**-0.5, generator=generator)
    net.encoder.features.weight /= CLEARER
    if net.encoder.direction is not None:
        net.encoder.direction[-1].weight *= CLEARER
    if net.encoder.energy_map is not None:
        net.encoder.energy_map[0].weight *= MAP_SCALE
        net.encoder.energy_map[-1].weight *= CLEARER
    if code_vectors is None:
        return
    n_codebooks, n_codes, size = code_vectors.shape
    width, per_row = net.config.width, net.config.embeddings_per_row
    for row in range(net.config.n_rows):
        vectors = code_vectors[row % n_codebooks]
        into, out = (vectors @ torch.randn(size, width, generator=generator) for _ in range(2))
        net.decoder.codes[row * per_row :][:n_codes] = EMBEDDING_SCALE * into / size**0.5
        net.heads.weight[row * n_codes :][:n_codes] = HEAD_SCALE * out / width**0.5

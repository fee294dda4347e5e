"""ViSAGe's released checkpoint layout, read strictly: ``config.json`` and ``model.safetensors`` of one folder.

Every tensor of the checkpoint has one place here, and every tensor of the model one origin. The released camera
directions have x right, y down and z front; here the weights that see a direction are turned once, so that the model
takes our axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.adapters.folders import existing
from seehear.io.files import read_json
from seehear.nets.visage_config import VisageConfig, mono
from seehear.types import InputError
from seehear.weights import load_strictly

if TYPE_CHECKING:
    from torch import Tensor

    from seehear.nets.visage import Visage

AMBISONICS, MONO = "VisageForAmbisonicsGeneration", "VisageForConditionalGeneration"
"""Architectures of the released configuration: the model, and its mono pretraining."""

UNUSED = ("model.encoder.embed_spatial.weight",)
"""In the checkpoint, but the released model never reads it."""

OURS_TO_RELEASED: dict[str, tuple[str, ...]] = {
    "null_features": ("null_embedding",),
    "encoder.features.weight": ("model.encoder.clip_projection.weight",),
    "encoder.features.bias": ("model.encoder.clip_projection.bias",),
    "encoder.positions": ("model.encoder.embed_positions.weight",),
    "encoder.start": ("model.encoder.bos",),
    "encoder.end": ("model.encoder.eos",),
    "encoder.norm.weight": ("model.encoder.layernorm_embedding.weight",),
    "encoder.norm.bias": ("model.encoder.layernorm_embedding.bias",),
    "decoder.positions": ("model.decoder.embed_positions.weight",),
    "decoder.start": ("model.decoder.bos",),
    "decoder.norm.weight": ("model.decoder.layernorm_embedding.weight",),
    "decoder.norm.bias": ("model.decoder.layernorm_embedding.bias",),
}
"""Tensors that there is one of. Several released tensors are stacked along their first axis."""

DIRECTION: dict[str, tuple[str, ...]] = {
    "null_direction": ("dir_null_embedding",),
    "encoder.direction.0.weight": ("model.encoder.direction_embedding.0.weight",),
    "encoder.direction.0.bias": ("model.encoder.direction_embedding.0.bias",),
    "encoder.direction.2.weight": ("model.encoder.direction_embedding.2.weight",),
    "encoder.direction.2.bias": ("model.encoder.direction_embedding.2.bias",),
}
"""Tensors of the camera direction."""

TURNED = ("null_direction", "encoder.direction.0.weight")
"""Tensors whose last axis is a direction."""

ENERGY_MAP: dict[str, tuple[str, ...]] = {
    "null_energy_map": ("energy_null_embedding",),
    "encoder.energy_map.0.weight": ("model.encoder.energy_map_projection.0.weight",),
    "encoder.energy_map.0.bias": ("model.encoder.energy_map_projection.0.bias",),
    "encoder.energy_map.2.weight": ("model.encoder.energy_map_projection.2.weight",),
    "encoder.energy_map.2.bias": ("model.encoder.energy_map_projection.2.bias",),
}
"""Tensors of the energy map."""

ROWS = {
    "decoder.codes": "model.decoder.embed_dac.{row}.weight",
    "heads.weight": "dac_heads.{row}.weight",
    "heads.bias": "dac_heads.{row}.bias",
}
"""Tensors stacked over the rows of codes: channel-major, channels W, Y, Z, X in both layouts."""

ENCODER_LAYER: dict[str, tuple[str, ...]] = {
    "attention.query_key_value": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "attention.out": ("self_attn.out_proj",),
    "attention_norm": ("self_attn_layer_norm",),
    "feed_forward.inner": ("fc1",),
    "feed_forward.out": ("fc2",),
    "feed_forward_norm": ("final_layer_norm",),
}
"""Parts of a layer of the encoder; each has a weight and a bias."""

DECODER_LAYER: dict[str, tuple[str, ...]] = ENCODER_LAYER | {
    "memory_attention.query": ("encoder_attn.q_proj",),
    "memory_attention.key_value": ("encoder_attn.k_proj", "encoder_attn.v_proj"),
    "memory_attention.out": ("encoder_attn.out_proj",),
    "memory_attention_norm": ("encoder_attn_layer_norm",),
}
"""Parts of a layer of the decoder; each has a weight and a bias."""


def load_visage(folder: str | Path) -> Visage:
    """The model of a folder in the released layout, in float32, for evaluation; InputError if anything does not fit."""
    import torch

    from seehear.nets.visage import Visage

    folder = existing(folder)
    config = config_of_released(read_json(folder / "config.json"))
    tensors = from_released(_read(folder / "model.safetensors"), config)
    with torch.device("meta"):
        model = Visage(config)
    model = model.to_empty(device="cpu")
    load_strictly(model, tensors, f"the checkpoint in {folder}")
    return model.eval()


def config_of_released(values: Mapping[str, Any]) -> VisageConfig:
    """The configuration of a released ``config.json``; InputError if it asks for what the model does not do.

    What the file leaves out has the default of the released code: BART's, which has 12 layers in each stack, and 80 frames.
    """
    full = VisageConfig()
    architectures = values.get("architectures") or [AMBISONICS]
    _require("architectures", architectures, [AMBISONICS], [MONO])
    size = values.get("dac_vocab_size", full.codebook_size)
    n_heads = values.get("encoder_attention_heads", full.n_heads)
    feed_forward = values.get("encoder_ffn_dim", full.feed_forward)
    _require("activation_function", values.get("activation_function", "gelu"), "gelu")
    _require("scale_embedding", values.get("scale_embedding", False), False)
    _require("classifier_free_guidance", values.get("classifier_free_guidance", True), True)
    _require("dac_pad_token_id", values.get("dac_pad_token_id", size), size)
    _require("decoder_attention_heads", values.get("decoder_attention_heads", full.n_heads), n_heads)
    _require("decoder_ffn_dim", values.get("decoder_ffn_dim", full.feed_forward), feed_forward)
    config = VisageConfig(
        n_codebooks=values.get("num_rvq", full.n_codebooks),
        codebook_size=size,
        feature_size=values.get("d_clip", full.feature_size),
        width=values.get("d_model", full.width),
        n_heads=n_heads,
        n_encoder_layers=values.get("encoder_layers", 12),
        n_decoder_layers=values.get("decoder_layers", 12),
        feed_forward=feed_forward,
        max_frames=values.get("max_source_length", 80),
        max_steps=values.get("max_target_length", full.max_steps),
        dropout=values.get("dropout", full.dropout),
    )
    return config if architectures == [AMBISONICS] else mono(config)


def key_table(config: VisageConfig) -> dict[str, tuple[str, ...]]:
    """Our tensors by name, each with the released ones it is stacked from."""
    table = OURS_TO_RELEASED | (DIRECTION if config.direction else {}) | (ENERGY_MAP if config.energy_map else {})
    table |= {ours: tuple(name.format(row=row) for row in range(config.n_rows)) for ours, name in ROWS.items()}
    stacks = (("encoder", config.n_encoder_layers, ENCODER_LAYER), ("decoder", config.n_decoder_layers, DECODER_LAYER))
    for stack, n_layers, parts in stacks:
        for layer in range(n_layers):
            for ours, released in parts.items():
                for kind in ("weight", "bias"):
                    names = tuple(f"model.{stack}.layers.{layer}.{name}.{kind}" for name in released)
                    table[f"{stack}.layers.{layer}.{ours}.{kind}"] = names
    return table


def from_released(released: Mapping[str, Tensor], config: VisageConfig) -> dict[str, Tensor]:
    """Tensors of our model from those of a released checkpoint; InputError if any is missing, left over or not as expected."""
    import torch

    table = key_table(config)
    wanted = {name for names in table.values() for name in names} | set(UNUSED)
    if problems := [f"lacks {name}" for name in sorted(wanted - set(released))] + [
        f"has an unknown {name}" for name in sorted(set(released) - wanted)
    ]:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise InputError(f"the checkpoint is not a ViSAGe of this configuration: it {'; '.join(problems[:3])}{more}")
    for name in table["decoder.codes"]:
        # The embedding of the padding never learns, so it is 0 in every checkpoint; the model leaves it out.
        if released[name].shape[0] != config.embeddings_per_row or released[name][config.padding].any():
            raise InputError(f"{name} must hold {config.embeddings_per_row} embeddings, that of the padding being 0")
    tensors = {ours: torch.cat([released[name] for name in names]) for ours, names in table.items()}
    return tensors | {name: directions_from_released(tensors[name]) for name in TURNED if name in tensors}


def directions_from_released(directions: Tensor) -> Tensor:
    """Directions (..., 3) in our axes, x front, y left and z up, of directions with x right, y down and z front."""
    import torch

    right, down, front = directions.unbind(-1)
    return torch.stack([front, -right, -down], -1)


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise InputError(f"the checkpoint needs {path.name} in {path.parent}, which holds none")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise InputError(f"{path} cannot be read as safetensors: {error}") from None


def _require(name: str, value: Any, *allowed: Any) -> None:
    if value not in allowed:
        raise InputError(f"the checkpoint's {name} must be {' or '.join(map(str, allowed))}, got {value}")

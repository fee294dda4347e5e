"""Tiny, randomly initialised checkpoints in the genuine format: what a hub folder holds, a few hundred kilobytes of it.

Each function fills ``folder`` with config.json, preprocessor_config.json and model.safetensors and gives the folder back.
The weights are random but seeded, so what the models say means nothing and is always the same. Their last layers are scaled
so that they say something: masks are decided (large logits) and believed (predicted IoU 0.95), depth varies over a picture.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

IMAGENET_MEAN = [0.485, 0.456, 0.406]
IMAGENET_STD = [0.229, 0.224, 0.225]


def tiny_sam(folder: Path, *, image_px: int = 128, seed: int = 0) -> Path:
    """A Segment Anything checkpoint: two layers of 32 numbers, prompts and masks as in the real one."""
    from transformers import SamConfig, SamModel

    vision = {
        "hidden_size": 32,
        "output_channels": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": image_px,
        "patch_size": 16,
        "window_size": 4,
        "global_attn_indexes": [1],
        "num_pos_feats": 16,
        "initializer_range": 0.1,
    }
    prompt = {"hidden_size": 32, "image_size": image_px, "patch_size": 16, "mask_input_channels": 8}
    decoder = {"hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 2, "iou_head_hidden_dim": 32}
    config = SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    processor = {
        "do_convert_rgb": True,
        "do_pad": True,
        "image_processor_type": "SamImageProcessor",
        "pad_size": {"height": image_px, "width": image_px},
        "processor_class": "SamProcessor",
        "resample": 2,
        "size": {"longest_edge": image_px},
    }
    return _save(SamModel, config, processor, folder, seed, _decide)


def tiny_sam2(folder: Path, *, image_px: int = 128, video: bool = True, seed: int = 0) -> Path:
    """A SAM 2 checkpoint; ``video`` as Meta publishes them (``sam2_video``, with the memory), else the image model alone."""
    from transformers import Sam2Config, Sam2Model, Sam2VideoConfig, Sam2VideoModel

    sides = [image_px // 4, image_px // 8, image_px // 16]
    backbone = {
        "hidden_size": 16,
        "image_size": [image_px, image_px],
        "window_positional_embedding_background_size": [4, 4],
        "num_query_pool_stages": 3,
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [16, 32, 64, 128],
        "num_attention_heads_per_stage": [1, 1, 2, 2],
        "window_size_per_stage": [4, 4, 4, 4],
        "global_attention_blocks": [3],  # never the first of a stage
        "model_type": "sam2_hiera_det_model",
    }
    vision = {
        "backbone_config": backbone,
        "backbone_channel_list": [128, 64, 32, 16],
        "backbone_feature_sizes": [[side, side] for side in sides],
        "fpn_hidden_size": 32,
        "model_type": "sam2_vision_model",
    }
    prompt = {"hidden_size": 32, "image_size": image_px, "patch_size": 16, "mask_input_channels": 8}
    decoder = {"hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 2, "iou_head_hidden_dim": 32}
    parts: dict[str, Any] = {"vision_config": vision, "prompt_encoder_config": prompt, "mask_decoder_config": decoder}
    memory = {
        "image_size": image_px,
        "memory_attention_hidden_size": 32,
        "memory_attention_num_layers": 1,
        "memory_attention_feed_forward_hidden_size": 64,
        "memory_attention_rope_feat_sizes": [sides[2], sides[2]],
        "memory_encoder_hidden_size": 32,
        "memory_encoder_output_channels": 16,
        "mask_downsampler_embed_dim": 32,
        "memory_fuser_num_layers": 1,
        "memory_fuser_embed_dim": 32,
        "memory_fuser_intermediate_dim": 32,
    }
    processor = {
        "do_convert_rgb": True,
        "image_processor_type": "Sam2ImageProcessorFast",
        "processor_class": "Sam2VideoProcessor" if video else "Sam2Processor",
        "resample": 2,
        "size": {"height": image_px, "width": image_px},
    }
    if video:
        return _save(Sam2VideoModel, Sam2VideoConfig(**parts, **memory), processor, folder, seed, _decide)
    return _save(Sam2Model, Sam2Config(**parts), processor, folder, seed, _decide)


def tiny_depth_anything(folder: Path, *, metric: bool = False, version: int = 2, image_px: int = 70, seed: int = 0) -> Path:
    """A Depth Anything checkpoint: relative disparity, or with ``metric`` metres up to 80 as the outdoor models give.

    Version 1 takes the last layers of its backbone, version 2 layers spread over its depth (4, 11, 17, 23 of ViT-L's 24).
    """
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    backbone = Dinov2Config(
        hidden_size=32,
        num_hidden_layers=8,
        num_attention_heads=2,
        image_size=image_px,
        patch_size=14,
        mlp_ratio=2,
        out_indices=[5, 6, 7, 8] if version == 1 else [2, 4, 6, 8],
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=32,
        neck_hidden_sizes=[8, 16, 32, 32],
        fusion_hidden_size=16,
        head_hidden_size=8,
        initializer_range=0.1,
        **({"depth_estimation_type": "metric", "max_depth": 80} if metric else {}),
    )
    processor = {
        "do_pad": False,
        "ensure_multiple_of": 14,
        "image_processor_type": "DPTImageProcessor",
        "keep_aspect_ratio": True,
        "resample": 3,
        "size": {"height": image_px, "width": image_px},
        "size_divisor": None,
    }
    return _save(DepthAnythingForDepthEstimation, config, processor, folder, seed, _vary)


def tiny_clip(folder: Path, *, seed: int = 0) -> Path:
    """A CLIP checkpoint, both halves: frames of 56 px in 7 x 7 patches of 24 numbers, joint features of 32."""
    from transformers import CLIPConfig, CLIPModel

    vision = {
        "hidden_size": 24,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 56,
        "patch_size": 8,
        "projection_dim": 32,
    }
    text = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 99}
    config = CLIPConfig(vision_config=vision, text_config=text, projection_dim=32)
    processor = {
        "crop_size": {"height": 56, "width": 56},
        "do_center_crop": True,
        "image_processor_type": "CLIPImageProcessor",
        "resample": 3,
        "size": {"shortest_edge": 56},
    }
    return _save(CLIPModel, config, processor, folder, seed, lambda _: None)


def tiny_dac(folder: Path, *, seed: int = 0) -> Path:
    """A DAC checkpoint at 44.1 kHz with 3 codebooks of 64, which `visage_tiny` makes codes for; every code is heard."""
    import torch
    from transformers import DacConfig, DacModel

    books = {"n_codebooks": 3, "codebook_size": 64, "codebook_dim": 4}
    config = DacConfig(
        encoder_hidden_size=4, decoder_hidden_size=32, downsampling_ratios=[2, 4, 8, 8], sampling_rate=44100, **books
    )
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        model = DacModel(config)
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()  # drawn at random they would drown what the codes say
        noise = model.decode(audio_codes=torch.randint(64, (1, 3, 20))).audio_values
        model.decoder.conv2.weight.mul_(0.1 / noise.std())
        model.save_pretrained(folder)
    return folder


def tiny_visage(folder: Path) -> Path:
    """The tiny checkpoint of `oracles/visage_tiny` in the released layout: 2 s, features of 32, 3 codebooks of 64."""
    import importlib.util

    path = Path(__file__).resolve().parent / "oracles" / "visage_tiny" / "make.py"
    spec = importlib.util.spec_from_file_location("visage_tiny", path)
    assert spec is not None and spec.loader is not None
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    folder.mkdir(parents=True)
    oracle.unpack(folder)
    return folder


def _decide(model: Any) -> None:
    """Masks with logits far from zero, all with a predicted IoU of 0.95."""
    decoder = model.mask_decoder
    for head in decoder.output_hypernetworks_mlps:
        head.proj_out.weight.mul_(1e8)
    decoder.iou_prediction_head.proj_out.weight.zero_()
    head = decoder.iou_prediction_head
    head.proj_out.bias.fill_(math.log(0.95 / 0.05) if getattr(head, "sigmoid_output", False) else 0.95)


def _vary(model: Any) -> None:
    """Depth with a spread: a disparity of 2 +- something, or metres around a quarter of the greatest."""
    metric = model.config.depth_estimation_type == "metric"
    model.head.conv3.weight.mul_(100)
    model.head.conv3.bias.fill_(-1.1 if metric else 2.0)


def _save(
    architecture: Any, config: Any, processor: dict[str, Any], folder: Path, seed: int, adjust: Callable[[Any], None]
) -> Path:
    import torch

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        model = architecture(config)
        adjust(model)
        model.save_pretrained(folder)
    shared = {
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": IMAGENET_MEAN,
        "image_std": IMAGENET_STD,
        "rescale_factor": 1 / 255,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(shared | processor, indent=2, sort_keys=True), "utf-8")
    return folder

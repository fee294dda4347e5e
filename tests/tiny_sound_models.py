"""Tiny checkpoints of models that caption and that make sounds, in the genuine format: what a hub folder holds.

As in ``tiny_models``: each function fills ``folder`` and gives it back, seeded. The captioners are fitted, in a second, to
say one thing of red pictures and another of the rest, so that what they say has an oracle; the sound models are random.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from seehear.adapters.captions import QUESTION

LETTERS = [*"abcdefghijklmnopqrstuvwxyz.,'?:;-"]
RED, OTHER = "a dog barking", "a plain wall"


def tiny_blip(folder: Path, *, red: str = RED, other: str = OTHER, seed: int = 0) -> Path:
    """A BLIP captioner that says ``red`` of red pictures and ``other`` of the rest."""
    import torch
    from transformers import BertTokenizerFast, BlipConfig, BlipForConditionalGeneration

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]"]
    ids = {word: i for i, word in enumerate(dict.fromkeys([*specials, *red.split(), *other.split(), *LETTERS]))}
    tokenizer = BertTokenizerFast(vocab=ids, extra_special_tokens=["[DEC]", "[ENC]"])
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "projection_dim": 16}
    special = {"bos_token_id": ids["[DEC]"], "eos_token_id": 2, "sep_token_id": ids["[SEP]"], "pad_token_id": ids["[PAD]"]}
    text = {**sizes, **special, "vocab_size": len(ids), "encoder_hidden_size": 32, "max_position_embeddings": 64}
    vision = {**sizes, "image_size": 32, "patch_size": 16}
    processor = {"image_processor_type": "BlipImageProcessor", "size": {"height": 32, "width": 32}}
    _processor(folder, {**processor, "processor_class": "BlipProcessor"})
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=vision, image_text_hidden_size=16))
        pixels = torch.from_numpy(np.stack([(p / 255 - 0.5) / 0.5 for p in _lessons(32)])).permute(0, 3, 1, 2).float()
        said = [red] * 4 + [other] * 4
        rows = [[ids["[DEC]"], *(ids[word] for word in sentence.split()), ids["[SEP]"]] for sentence in said]
        longest = max(map(len, rows))
        words = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        labels = words.masked_fill(words == 0, -100)
        mask = (words != 0).long()
        _fit(model, lambda: model(pixel_values=pixels, input_ids=words, attention_mask=mask, labels=labels).loss)
    model.save_pretrained(folder)
    return folder


def tiny_vlm(folder: Path, *, red: str = RED, other: str = "silent", seed: int = 0) -> Path:
    """A chat model of the SmolVLM kind (idefics3) that answers ``red`` about red pictures and ``other`` about the rest."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3Processor, PreTrainedTokenizerFast
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    marks = ["<pad>", "<s>", "<end_of_utterance>", "<image>", "<fake_token_around_image>", "<global-img>"]
    bytewise = Tokenizer(models.BPE())
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=marks, initial_alphabet=alphabet, show_progress=False)
    bytewise.train_from_iterator([QUESTION, red, other] * 3, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytewise, pad_token=marks[0], bos_token=marks[1], eos_token=marks[2], extra_special_tokens=marks[3:]
    )
    pixels = Idefics3ImageProcessorPil(
        size={"longest_edge": 32},
        max_image_size={"longest_edge": 32},
        do_image_splitting=False,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    chat = (
        "{% for m in messages %}{{ m['role'] }}:{% for c in m['content'] %}{% if c['type'] == 'image' %}<image>{% else %}"
        "{{ c['text'] }}{% endif %}{% endfor %}<end_of_utterance>{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
    )
    processor = Idefics3Processor(pixels, tokenizer, image_seq_len=4, chat_template=chat)
    processor.save_pretrained(folder)
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**vision, "num_key_value_heads": 2, "vocab_size": len(tokenizer), "model_type": "llama", "pad_token_id": 0}
    text |= {"bos_token_id": 1, "eos_token_id": 2, "max_position_embeddings": 1024}
    config = Idefics3Config(
        vision_config={**vision, "image_size": 32, "patch_size": 8}, text_config=text, image_token_id=3, scale_factor=2
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Idefics3ForConditionalGeneration(config)
        asked = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]}]
        prompt = processor.apply_chat_template(asked, add_generation_prompt=True)
        said = [red] * 4 + [other] * 4
        pictures = [[Pillow.fromarray(each)] for each in _lessons(32)]
        lines = [f"{prompt} {sentence}<end_of_utterance>" for sentence in said]
        batch = processor(text=lines, images=pictures, return_tensors="pt", padding=True, padding_side="right")
        start = len(processor(text=[prompt], images=pictures[:1])["input_ids"][0])
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        labels[:, :start] = -100
        _fit(model, lambda: model(**batch, labels=labels).loss)
    model.save_pretrained(folder)
    return folder


def tiny_audioldm(folder: Path, *, seed: int = 0) -> Path:
    """An AudioLDM pipeline: 16 kHz, 64 mel bands, a hop of 10 ms, latents of a quarter of that, as the real one."""
    import torch
    from diffusers import AudioLDMPipeline, DDIMScheduler, UNet2DConditionModel
    from transformers import ClapTextConfig, ClapTextModelWithProjection

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        unet = UNet2DConditionModel(
            **_UNET,
            class_embed_type="simple_projection",
            class_embeddings_concat=True,
            projection_class_embeddings_input_dim=16,
            cross_attention_dim=(8, 16),
        )
        text_encoder = ClapTextModelWithProjection(ClapTextConfig(**_CLAP_TEXT))
        parts = {"unet": unet, "text_encoder": text_encoder, "tokenizer": _roberta(), "vae": _vae(), "vocoder": _vocoder()}
        AudioLDMPipeline(**parts, scheduler=DDIMScheduler(**_DDIM)).save_pretrained(folder)
    return folder


def tiny_audioldm2(folder: Path, *, seed: int = 0) -> Path:
    """An AudioLDM 2 pipeline as published: its language model is listed as a plain ``GPT2Model``."""
    import torch
    from diffusers import AudioLDM2Pipeline, AudioLDM2ProjectionModel, AudioLDM2UNet2DConditionModel, DDIMScheduler
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, GPT2Config, GPT2Model, T5Config, T5EncoderModel

    audio = {"spec_size": 64, "window_size": 4, "num_mel_bins": 64, "depths": [1, 1], "num_attention_heads": [2, 2]}
    audio |= {"num_hidden_layers": 2, "hidden_size": 32, "projection_dim": 16, "patch_embeds_hidden_size": 16}
    audio |= {"patch_size": 2, "patch_stride": 2}
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        language_model = GPT2Model(
            GPT2Config(n_embd=16, n_head=2, n_layer=2, vocab_size=100, n_positions=99, bos_token_id=0, eos_token_id=0)
        )
        language_model.config.max_new_tokens = 8
        parts = {
            "unet": AudioLDM2UNet2DConditionModel(**_UNET, cross_attention_dim=([None, 16, 32], [None, 16, 32])),
            "text_encoder": ClapModel(ClapConfig(text_config=_CLAP_TEXT, audio_config=audio, projection_dim=16)),
            "text_encoder_2": T5EncoderModel(T5Config(**_T5)),
            "projection_model": AudioLDM2ProjectionModel(16, 32, 16),
            "language_model": language_model,
            "tokenizer": _roberta(),
            "tokenizer_2": _t5(),
            "feature_extractor": ClapFeatureExtractor(),
            "vae": _vae(),
            "vocoder": _vocoder(),
        }
        AudioLDM2Pipeline(**parts, scheduler=DDIMScheduler(**_DDIM)).save_pretrained(folder)
    return folder


def tiny_stable_audio(folder: Path, *, seed: int = 0) -> Path:
    """A Stable Audio pipeline as published: stereo, its own cosine schedule; windows of 2.048 s at 8 kHz."""
    import torch
    from diffusers import (
        AutoencoderOobleck,
        EDMDPMSolverMultistepScheduler,
        StableAudioDiTModel,
        StableAudioPipeline,
        StableAudioProjectionModel,
    )
    from transformers import T5Config, T5EncoderModel

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        parts = {
            "transformer": StableAudioDiTModel(
                sample_size=64,
                in_channels=4,
                num_layers=2,
                attention_head_dim=8,
                num_attention_heads=2,
                num_key_value_attention_heads=2,
                out_channels=4,
                cross_attention_dim=16,
                time_proj_dim=8,
                global_states_input_dim=32,
                cross_attention_input_dim=16,
            ),
            "vae": AutoencoderOobleck(
                encoder_hidden_size=8,
                downsampling_ratios=[4, 8, 8],
                decoder_channels=8,
                decoder_input_channels=4,
                audio_channels=2,
                channel_multiples=[1, 1, 2],
                sampling_rate=8000,
            ),
            "text_encoder": T5EncoderModel(T5Config(**_T5)),
            "tokenizer": _t5(),
            "projection_model": StableAudioProjectionModel(32, 16, 0, 512),
        }
        pipeline = StableAudioPipeline(**parts, scheduler=EDMDPMSolverMultistepScheduler())
        pipeline.save_pretrained(folder)
    # The published schedule needs torchsde to be made; what it writes is known.
    schedule = {
        "_class_name": "CosineDPMSolverMultistepScheduler",
        "_diffusers_version": "0.30.0.dev0",
        "euler_at_final": False,
        "final_sigmas_type": "zero",
        "lower_order_final": True,
        "num_train_timesteps": 1000,
        "prediction_type": "v_prediction",
        "rho": 7.0,
        "sigma_data": 1.0,
        "sigma_max": 500,
        "sigma_min": 0.3,
        "sigma_schedule": "exponential",
        "solver_order": 2,
        "solver_type": "midpoint",
    }
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule, indent=2), "utf-8")
    index = json.loads((folder / "model_index.json").read_text("utf-8"))
    index["scheduler"] = ["diffusers", "CosineDPMSolverMultistepScheduler"]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2), "utf-8")
    return folder


_UNET = {
    "block_out_channels": (8, 16),
    "norm_num_groups": 4,
    "layers_per_block": 1,
    "attention_head_dim": 4,
    "sample_size": 256,
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
}
_DDIM = {
    "beta_start": 0.0015,
    "beta_end": 0.0195,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
_CLAP_TEXT = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "vocab_size": 300,
    "projection_dim": 16,
    "max_position_embeddings": 80,
    "bos_token_id": 0,
    "pad_token_id": 1,
    "eos_token_id": 2,
}
_T5 = {"vocab_size": 60, "d_model": 32, "d_ff": 32, "d_kv": 8, "num_heads": 2, "num_layers": 2}


def _vae() -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=[4, 4, 8],
        norm_num_groups=2,
        layers_per_block=1,
        in_channels=1,
        out_channels=1,
        down_block_types=["DownEncoderBlock2D"] * 3,
        up_block_types=["UpDecoderBlock2D"] * 3,
        latent_channels=4,
        mid_block_add_attention=False,
    )


def _vocoder() -> Any:
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    return SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=64,
            sampling_rate=16000,
            upsample_initial_channel=8,
            upsample_rates=[10, 16],
            upsample_kernel_sizes=[20, 32],
            resblock_kernel_sizes=[3],
            resblock_dilation_sizes=[[1]],
            normalize_before=False,
        )
    )


def _roberta() -> Any:
    """Bytes as tokens, as RoBERTa's own would fall back to."""
    from tokenizers import pre_tokenizers
    from transformers import RobertaTokenizerFast

    marks = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    ids = {word: i for i, word in enumerate([*marks, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    return RobertaTokenizerFast(vocab=ids, merges=[], model_max_length=64)


def _t5() -> Any:
    """Letters as tokens."""
    from transformers import T5TokenizerFast

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -2.0), *((letter, -3.0) for letter in LETTERS)]
    return T5TokenizerFast(vocab=pieces, extra_ids=0, model_max_length=64)


def _lessons(side: int) -> list[np.ndarray]:
    """Four red pictures, then four others, (side, side, 3) uint8."""
    rng = np.random.default_rng(0)
    red = [np.array([c, 30, 30]) for c in (170, 200, 220, 240)]
    others = [np.array(c) for c in ([40, 160, 60], [60, 90, 200], [180, 180, 180], [20, 20, 20])]
    return [np.clip(c + rng.normal(0, 12, (side, side, 3)), 0, 255).astype(np.uint8) for c in (*red, *others)]


def _fit(model: Any, loss: Callable[[], Any], steps: int = 80) -> None:
    import torch

    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        value = loss()
        value.backward()
        optimiser.step()
    model.eval()
    assert value.item() < 0.1, f"the tiny captioner did not learn its lines: loss {value.item():.2f}"


def _processor(folder: Path, more: dict[str, Any]) -> None:
    shared = {
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "rescale_factor": 1 / 255,
        "resample": 3,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "preprocessor_config.json").write_text(json.dumps(shared | more, indent=2, sort_keys=True), "utf-8")


def tiny_ast(folder: Path, *, seed: int = 0) -> Path:
    """An AST tagger of five labels that hears 64 frames (0.64 s)."""
    import torch
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

    config = ASTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_length=64,
        num_mel_bins=128,
        initializer_range=0.2,
        id2label=dict(enumerate(["Speech", "Dog", "Rain", "Silence", "Bell"])),
    )
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        ASTForAudioClassification(config).save_pretrained(folder)
    ASTFeatureExtractor(max_length=64).save_pretrained(folder)
    return folder


def tiny_clap(folder: Path, *, seed: int = 0) -> Path:
    """A CLAP model whose audio half hears 64 frames of 64 bands."""
    import torch
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

    audio = {"spec_size": 64, "window_size": 4, "num_mel_bins": 64, "depths": [1, 1], "num_attention_heads": [2, 2]}
    audio |= {"num_hidden_layers": 2, "hidden_size": 32, "projection_dim": 16, "patch_embeds_hidden_size": 16}
    audio |= {"patch_size": 2, "patch_stride": 2}
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        ClapModel(ClapConfig(text_config=_CLAP_TEXT, audio_config=audio, projection_dim=16)).save_pretrained(folder)
    ClapFeatureExtractor(truncation="rand_trunc", max_length_s=1, hop_length=1000).save_pretrained(folder)
    return folder

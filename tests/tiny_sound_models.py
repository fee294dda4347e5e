"""Tiny checkpoints of models that caption and that make sounds, in the genuine format: what a hub folder holds.

As in ``tiny_models``: each function fills ``folder`` and gives it back, seeded. The captioners are fitted, in a second, to
say one thing of red pictures and another of the rest, so that what they say has an oracle; the sound models are random.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
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
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3Processor, PreTrainedTokenizerFast
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    marks = ["<pad>", "<s>", "<end_of_utterance>", "<image>", "<fake_token_around_image>", "<global-img>"]
    ids = {word: i for i, word in enumerate([*marks, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    bytewise = Tokenizer(models.BPE(vocab=ids, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytewise, pad_token=marks[0], bos_token=marks[1], eos_token=marks[2], extra_special_tokens=marks[3:]
    )
    pixels = Idefics3ImageProcessorPil(
        size={"longest_edge": 32}, max_image_size={"longest_edge": 32}, do_image_splitting=False, image_mean=[0.5] * 3, image_std=[0.5] * 3
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


def _lessons(side: int) -> list[np.ndarray]:
    """Four red pictures, then four others, (side, side, 3) uint8."""
    rng = np.random.default_rng(0)
    red = [np.array([c, 30, 30]) for c in (170, 200, 220, 240)]
    others = [np.array(c) for c in ([40, 160, 60], [60, 90, 200], [180, 180, 180], [20, 20, 20])]
    return [np.clip(c + rng.normal(0, 12, (side, side, 3)), 0, 255).astype(np.uint8) for c in (*red, *others)]


def _fit(model: Any, loss: Callable[[], Any], steps: int = 120) -> None:
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

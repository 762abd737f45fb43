"""Bark with random weights and a dozen words, in the files that the real one comes in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

SEMANTIC, CODES = 60, 16
"""Sizes of the two vocabularies. Random weights end a text with one token in SEMANTIC."""
WORDS = ["smart", "mirror", "go", "on", "view", "glass", "turn", "the", "light", ".", ",", "hello"]
SPEAKERS = ("v2/en_speaker_0", "v2/en_speaker_1", "en_speaker_1", "v2/de_speaker_3")


def write_tiny_bark(folder: Path) -> None:
    """Write weights, tokeniser and speaker prompts."""
    import torch
    import transformers
    from transformers.models.bark import generation_configuration_bark as generation

    torch.manual_seed(0)
    small = {"num_layers": 1, "num_heads": 2, "hidden_size": 16, "block_size": 1024}
    sizes = {"semantic": SEMANTIC + 64, "coarse_acoustics": SEMANTIC + 2 * CODES + 2}
    sizes["fine_acoustics"] = CODES + 1
    parts = {
        f"{part}_config": small | {"input_vocab_size": size, "output_vocab_size": size}
        for part, size in sizes.items()
    }
    codec = transformers.EncodecConfig(
        num_filters=2, hidden_size=8, codebook_size=CODES, num_lstm_layers=1
    )
    model = transformers.BarkModel(transformers.BarkConfig(**parts, codec_config=codec.to_dict()))
    with torch.no_grad():
        for part in (model.semantic, model.coarse_acoustics, model.fine_acoustics):
            for value in part.parameters():
                value.mul_(3.0)  # as they are at first, what was heard before hardly matters
        for name, value in model.codec_model.named_parameters():
            if name.endswith("bias"):
                value.zero_()  # speech has no constant part
        for layer in model.codec_model.quantizer.layers:
            layer.codebook.embed.normal_(std=10.0)  # empty before training, which is silence
    model.save_pretrained(folder)
    settings = generation.BarkGenerationConfig(
        semantic_config={
            "eos_token_id": SEMANTIC,
            "semantic_vocab_size": SEMANTIC,
            "text_encoding_offset": SEMANTIC + 1,
            "text_pad_token": SEMANTIC + 62,
            "semantic_infer_token": SEMANTIC + 63,
        },
        coarse_acoustics_config={
            "coarse_semantic_pad_token": SEMANTIC + 2 * CODES,
            "coarse_infer_token": SEMANTIC + 2 * CODES + 1,
        },
        fine_acoustics_config={},
        codebook_size=CODES,
    )
    (folder / "generation_config.json").write_text(json.dumps(settings.to_dict()))
    (folder / "vocab.txt").write_text(
        "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])
    )
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    write_speakers(folder)


def write_speakers(folder: Path) -> None:
    """Write the speaker prompts and their list."""
    rng = np.random.default_rng(0)
    listing: dict[str, object] = {"repo_or_path": "suno/bark-small"}
    for speaker in SPEAKERS:
        prompts = {
            "semantic_prompt": rng.integers(0, SEMANTIC, 60),
            "coarse_prompt": rng.integers(0, CODES, (2, 90)),
            "fine_prompt": rng.integers(0, CODES, (8, 90)),
        }
        for name, value in prompts.items():
            path = folder / "speaker_embeddings" / f"{speaker}_{name}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, value)
        listing[speaker] = {name: f"speaker_embeddings/{speaker}_{name}.npy" for name in prompts}
    (folder / "speaker_embeddings_path.json").write_text(json.dumps(listing))

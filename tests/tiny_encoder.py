"""A random BERT of two layers with a WordPiece tokenizer of its own: made in a moment, without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = (
    "the",
    "dog",
    "sees",
    "a",
    "cat",
    "in",
    "berlin",
    "run",
    "very",
    "good",
    "bad",
    "film",
    "not",
    "sep",
    *"字符.,[]",
)
SUBWORDS = ("##s", "##ning", "##ly", *LETTERS, *(f"##{letter}" for letter in LETTERS))
VOCABULARY = list(dict.fromkeys((*SPECIAL, *WORDS, *SUBWORDS)))


def write_tokenizer(folder: Path) -> None:
    """As published ones often are: told to cut and to pad, which nobody wants here."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    ids = {piece: number for number, piece in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    around = [("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=around)
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.enable_truncation(6)
    tokenizer.enable_padding(length=6)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "BertTokenizer", "model_max_length": 512, "unk_token": "[UNK]", "pad_token": "[PAD]"}
    settings |= {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def make_encoder(folder: Path, *, positions: int = 24, width: int = 16, seed: int = 0) -> Path:
    """The folder, with such an encoder in it. It reads ``positions`` pieces, two of them special."""
    import torch
    from transformers import BertConfig, BertModel

    from models.architecture import quiet

    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        settings: dict[str, Any] = {"hidden_size": width, "num_hidden_layers": 2, "num_attention_heads": 2}
        config = BertConfig(
            vocab_size=len(VOCABULARY), intermediate_size=32, max_position_embeddings=positions, **settings
        )
        network = BertModel(config)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))  # far from a fresh one, in which all states are alike
        network.save_pretrained(folder)
    write_tokenizer(folder)
    return folder

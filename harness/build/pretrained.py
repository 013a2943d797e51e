"""The pretrained encoder that a configuration names: what reads texts with it, and what a record says of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from harness.build.trainer import accelerator_of
from harness.configuration.content import ENCODER, settle_content
from harness.records.record import Facts, Parameters
from tasks.encoding.corpus import EncodedCorpus
from tasks.encoding.pretrained import Description, describe
from tasks.encoding.text_encoder import Setting, TextEncoder
from tasks.reading.encoder_files import content_of_encoder, encoder_folder


def encoder_part(config: DictConfig) -> Any:
    """The options of the part of the embedding that is a pretrained encoder; None if none is."""
    parts = (config.embedding.get("parts") or {}).values()
    return next((part for part in parts if part.get("_target_") == ENCODER), None)


def text_encoder(config: DictConfig, *, symbols: bool = False) -> TextEncoder | None:
    """What reads texts with the encoder, or the ``symbols`` of a task that writes; None without one.

    Raises ValueError where it cannot be used.
    """
    if encoder_part(config) is None:
        return None
    settle_content(config)  # or holds the files against what the configuration says of them
    folder, cache = encoder_folder(config.embedding.path), Path(config.results_dir) / "cache"
    try:
        description = describe(folder, content=config.embedding.content, cache=cache)
    except ValueError as error:
        option = f"embedding.path={config.embedding.path}"
        raise ValueError(f"{option}: {error}") from error
    shown = bool(config.trainer.enable_progress_bar)
    return TextEncoder(
        description, _setting(config), folder, cache, accelerator_of(config), symbols=symbols, shown=shown
    )


def saved_encoder(config: DictConfig, saved: Any, *, symbols: bool) -> TextEncoder | None:
    """The encoder of a finished run, of which it ``saved`` this; None without one.

    One that was fine-tuned is all among what the run saved. A frozen one has to be where it was, with the same content.
    Raises ValueError where it is not.
    """
    if encoder_part(config) is None:
        return None
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        setting, content = _setting(config), saved["content"]
        if setting.fine_tune:
            description = Description.from_saved(saved["description"])
            return TextEncoder(description, setting, None, device=device, symbols=symbols)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"what the run kept of its encoder is damaged ({error!r}); run again with force=true"
        ) from error
    try:
        folder = encoder_folder(config.embedding.path)
        found = content_of_encoder(folder)
        if found != content:
            raise ValueError(f"expected that content in embedding.path={config.embedding.path}, got {found[:12]}…")
    except ValueError as error:
        raise ValueError(
            f"the run reads texts with a frozen encoder of the content {content[:12]}…, and it is not where it was "
            f"({error}); put it back there (a link will do)"
        ) from error
    return TextEncoder(describe(folder, content=content, cache=None), setting, folder, device=device, symbols=symbols)


def _setting(config: DictConfig) -> Setting:
    part = encoder_part(config)
    return Setting(layers=part.layers, pieces=part.pieces, fine_tune=part.fine_tune, half=part.half)


def encoder_facts(config: DictConfig, encoded: EncodedCorpus) -> Iterator[Facts]:
    """What the record says of the encoder that read a corpus; nothing without one."""
    encoder = encoded.encoding.encoder
    if encoder is not None:
        description = encoder.description
        yield {
            "encoder": {
                "path": str(config.embedding.path),
                "content": description.content,
                "kind": str(description.config["model_type"]),
                "width": description.width,
                "layers": description.depth + 1 if encoder.setting.layers == "mix" else 1,
                "fine_tuned": encoder.setting.fine_tune,
                "pieces": sum(work.pieces for work in encoder.work),
                "seconds": round(sum(work.seconds for work in encoder.work), 3),
                "windowed": sum(work.windowed for work in encoder.work),
            }
        }


def with_encoder(parameters: Parameters, encoded: EncodedCorpus) -> Parameters:
    """The parameters of a network, with those of the encoder beside them."""
    encoder = encoded.encoding.encoder
    return parameters if encoder is None else {**parameters, "encoder": encoder.description.parameters}


def encoder_flops(encoded: EncodedCorpus, rows: Sequence[int]) -> Iterator[float]:
    """The encoder's FLOPs a token of some rows of train; nothing without an encoder."""
    encoder = encoded.encoding.encoder
    if encoder is not None:
        texts = [text.tokens(row) for text in encoded.splits["train"].texts for row in rows]
        square, linear, constant = encoder.description.flops
        lengths_W = encoder.reading(texts).lengths_W
        total = (square * lengths_W**2 + linear * lengths_W + constant).sum()
        yield float(total) / sum(map(len, texts))

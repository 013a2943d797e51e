"""What is known of a pretrained encoder before its weights are read: found out once, checked, and kept.

What takes the library of the encoders to find out (sizes, the tokenizer, FLOPs) is kept in a cache by the content of
the encoder's files, so that runs on frozen states that are kept need no more than that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from models.architecture import Architecture, configuration_of, layer_states, library, quiet

FORMAT = 1
"""Version of what is kept of an encoder."""

PROBED = (4, 8, 12)
"""Lengths whose FLOPs give those of any other: they are a quadratic function of the length."""


@dataclass(frozen=True)
class Description:
    """What is known of an encoder without its weights.

    ``content``: a hash of its files. ``config``: its ``config.json``. ``tokenizer``: as the ``tokenizers`` library
    writes it. ``limit``: the most pieces that it reads together, special ones left out. ``padding``: the id of padding.
    ``width``, ``depth``: see ``Architecture``. ``parameters``: the number of its weights. ``flops``: of a text of p
    pieces, special ones included: the coefficients of p squared, p and 1.
    """

    content: str
    config: dict[str, Any]
    tokenizer: str
    limit: int
    padding: int
    width: int
    depth: int
    parameters: int
    flops: tuple[float, float, float]

    def architecture(self, weights: Path | None) -> Architecture:
        """What the network is built from."""
        return Architecture(self.config, self.width, self.depth, weights)

    def saved(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_saved(cls, saved: Mapping[str, Any]) -> Description:
        """What ``saved`` gave. Raises ValueError for anything else."""
        values = {key: value for key, value in saved.items() if key != "format"}
        if saved.get("format") != FORMAT or set(values) != set(cls.__dataclass_fields__):
            raise ValueError(
                f"what is kept of the encoder is damaged, or of another version than {FORMAT}: {sorted(saved)[:3]}; "
                "run again with force=true"
            )
        return replace(cls(**values), flops=tuple(values["flops"]))


def describe(folder: Path, *, content: str, cache: Path | None) -> Description:
    """The encoder in a folder, with a hash of its files. Raises ValueError for one that cannot be used."""
    return _kept(content, cache) or _described(folder, content, cache)


def _cached(content: str, cache: Path | None) -> Path | None:
    return None if cache is None else cache / f"encoder-{content[:16]}.json"


def _kept(content: str, cache: Path | None) -> Description | None:
    file = _cached(content, cache)
    if file is not None:
        with suppress(OSError, ValueError, TypeError, AttributeError):  # a damaged file is worth no more than none
            kept = Description.from_saved(json.loads(file.read_text(encoding="utf-8")))
            return kept if kept.content == content else None
    return None


def _described(folder: Path, content: str, cache: Path | None) -> Description:
    config = _json(folder / "config.json")
    configuration = configuration_of(config)
    _check_kind(configuration)
    tokenizer, longest = _tokenizer(folder, configuration)
    with torch.device("meta"):
        network = Architecture(config, 0, 0).build()
    special = tokenizer.num_special_tokens_to_add(is_pair=False)
    limit = min(_positions(network, configuration), longest) - special
    if limit < 1:
        raise ValueError(f"it reads {limit + special} pieces, of which {special} are special; choose another encoder")
    found = Description(
        content=content,
        config=config,
        tokenizer=tokenizer.to_str(),
        limit=limit,
        padding=int(configuration.pad_token_id or 0),
        width=int(configuration.hidden_size),
        depth=int(configuration.num_hidden_layers),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        flops=_flops(network, limit + special),
    )
    _keep(found, _cached(content, cache))
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is no JSON ({error}); fetch the encoder again") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} holds no settings, got a {type(found).__name__}; fetch the encoder again")
    return found


def _check_kind(configuration: Any) -> None:
    kind = configuration.model_type
    if getattr(configuration, "is_encoder_decoder", False):
        raise ValueError(f"a network of the kind {kind!r} reads and writes; choose an encoder, such as a BERT")
    lacking = [n for n in ("vocab_size", "hidden_size", "num_hidden_layers") if getattr(configuration, n, None) is None]
    if lacking:
        raise ValueError(
            f"its config.json has no {lacking[0]}, so that {kind!r} is no encoder of texts; choose another"
        )


def _tokenizer(folder: Path, configuration: Any) -> tuple[Any, int]:
    """The tokenizer, of the ``tokenizers`` library, and how many pieces it is meant for."""
    tokenizer, longest = _read_tokenizer(folder, configuration)
    pieces, known = tokenizer.get_vocab_size(with_added_tokens=True), int(configuration.vocab_size)
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=0)
    if pieces <= tokenizer.num_special_tokens_to_add(is_pair=False) or highest >= known:
        raise ValueError(
            f"the tokenizer has {pieces:,} pieces up to the id {highest:,}, and the encoder vectors for ids below "
            f"{known:,}: they do not belong together; fetch the encoder again"
        )
    return tokenizer, min(int(longest), 1 << 30)


def _read_tokenizer(folder: Path, configuration: Any) -> tuple[Any, float]:
    """``tokenizer.json`` as it is, or what the library makes of older files."""
    try:
        if (folder / "tokenizer.json").exists():
            from tokenizers import Tokenizer

            told = folder / "tokenizer_config.json"
            longest = (_json(told) if told.exists() else {}).get("model_max_length") or 1e30
            return Tokenizer.from_file(str(folder / "tokenizer.json")), float(longest)
        with quiet():
            found = library().AutoTokenizer.from_pretrained(
                folder, config=configuration, local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # whatever the libraries make of odd files
        said = " ".join(str(error).split())
        raise ValueError(f"the tokenizer cannot be read ({said[:160]}); fetch tokenizer.json of the encoder") from error
    if not getattr(found, "is_fast", False):
        raise ValueError(
            f"{type(found).__name__} does not say which characters a piece is of; fetch tokenizer.json of the encoder"
        )
    return found.backend_tokenizer, float(found.model_max_length)


def _positions(network: nn.Module, configuration: Any) -> int:
    """How many pieces the encoder has positions for. Those of some kinds begin after the id of padding."""
    tables = [
        module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
        for name, module in network.named_modules()
        if isinstance(module, nn.Embedding) and "position" in name.rpartition(".")[2]
    ]
    said = getattr(configuration, "max_position_embeddings", None)
    return min([*tables, said if isinstance(said, int) and said > 0 else 512])


def _flops(network: nn.Module, longest: int) -> tuple[float, float, float]:
    from torch.utils.flop_counter import FlopCounterMode

    lengths = [length for length in PROBED if length <= longest] or [longest]
    counted = []
    network.requires_grad_(False)
    for length in lengths:
        with FlopCounterMode(display=False) as counter, quiet():
            layer_states(network, torch.zeros(1, length, dtype=torch.long, device="meta"), None, last=True)
        counted.append(float(counter.get_total_flops()))
    fitted = np.polyfit(lengths, counted, len(lengths) - 1).tolist()
    square, linear, constant = (float(round(one)) for one in [0.0] * (3 - len(fitted)) + fitted)
    return square, linear, constant


def _keep(found: Description, file: Path | None) -> None:
    """Write whole or not at all, for several processes may read the same at once; a folder may be read-only."""
    if file is None:
        return
    partial = file.with_suffix(f".{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(found.saved()), encoding="utf-8")
        partial.replace(file)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)

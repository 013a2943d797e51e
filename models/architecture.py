"""A pretrained encoder of ``transformers`` as a network: built from its configuration, with its weights or without.

The library is an extra (``pip install '.[encoders]'``) and imported where it is used alone. No code that comes with an
encoder is ever run, and its weights are read as safetensors alone.

W windows, P pieces of a window, J layers, D width
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Architecture:
    """What a network is made of.

    ``config``: as in the encoder's ``config.json``. ``width``: of its states. ``depth``: the number of its layers; the
    vectors of the pieces, which they start from, count as one more. ``weights``: the folder with ``*.safetensors``;
    None: weights come from elsewhere, and the network starts with any.
    """

    config: Mapping[str, Any]
    width: int
    depth: int
    weights: Path | None = None

    def build(self) -> nn.Module:
        """The network, which leaves the random state as it was. On the meta device it has no weights.

        Raises ValueError for weights that are damaged or lack some that the network needs.
        """
        transformers = library()
        configuration = configuration_of(self.config)
        nowhere = torch.empty(0).device.type == "meta"
        with torch.random.fork_rng(devices=[]), quiet():
            if nowhere or self.weights is None:
                network = transformers.AutoModel.from_config(configuration, dtype=torch.float32)
            else:
                network = _with_weights(transformers, self.weights, configuration)
        if getattr(network, "pooler", None) is not None:
            network.pooler = None  # a vector of the text, which nobody asks for
        return network.train()  # type: ignore[no-any-return]  # the library hands it out as for use


def layer_states(network: nn.Module, ids_WP: Tensor, mask_WP: Tensor | None, *, last: bool) -> list[Tensor]:
    """The states of all layers, from the vectors of the pieces on, or of the ``last`` one alone; each (W, P, D).

    ``mask_WP``: True = a real piece; None: all are.
    """
    # Without values the library cannot look whether any piece is padding; what is computed is as much.
    mask = None if mask_WP is None or mask_WP.is_meta else mask_WP.long()
    found = network(input_ids=ids_WP, attention_mask=mask, output_hidden_states=not last, return_dict=True)
    # Some networks normalise the last states once more.
    return [found.last_hidden_state] if last else [*found.hidden_states[:-1], found.last_hidden_state]


def library() -> Any:
    """``transformers``. Raises ValueError where it is not installed."""
    try:
        import transformers
    except ImportError as error:
        raise ValueError(
            "embedding=encoder needs the package transformers, which is not installed; "
            "pip install -c constraints.txt -e '.[encoders]'"
        ) from error
    return transformers


def configuration_of(config: Mapping[str, Any]) -> Any:
    """The configuration as the library has it. Raises ValueError for a kind that it does not know."""
    transformers = library()
    kind = str(config.get("model_type"))
    if kind not in transformers.CONFIG_MAPPING:
        raise ValueError(
            f"its config.json says model_type={kind!r}, which transformers {transformers.__version__} does not know "
            "(code that comes with an encoder is never run); choose another encoder, or a newer transformers"
        )
    settings = {key: value for key, value in config.items() if key not in ("model_type", "auto_map", "torch_dtype")}
    try:
        return transformers.AutoConfig.for_model(kind, **settings)
    except Exception as error:  # it holds settings against types of its own
        said = " ".join(str(error).split())
        raise ValueError(f"its config.json does not fit model_type={kind!r} ({said[:160]}); fetch it again") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Without what the library says and warns of while it reads; its errors still come."""
    transformers = library()
    level, bars = transformers.logging.get_verbosity(), transformers.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity(logging.CRITICAL)
    transformers.logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers.logging.set_verbosity(level)
        if bars:
            transformers.logging.enable_progress_bar()


def _with_weights(transformers: Any, folder: Path, configuration: Any) -> Any:
    try:
        network, found = transformers.AutoModel.from_pretrained(
            folder,
            config=configuration,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # whatever bytes make of the readers
        said = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"the weights in {folder} cannot be read ({said[:200]}); fetch the encoder again") from error
    lacking = sorted(key for key in found["missing_keys"] if not key.startswith("pooler."))
    lacking += [str(one[0]) for one in found["mismatched_keys"]]
    if lacking:
        raise ValueError(
            f"the weights in {folder} lack {len(lacking)} that its config.json asks for ({', '.join(lacking[:3])}, …); "
            "they belong to another network: fetch the encoder again"
        )
    return network

"""Models made equally large: ``match=parameters`` and ``match=flops``.

One number is resized: w, the width of the feed-forward layers. A backbone that has none of its own gets one after its
token site (``backbone.feedforward_width``), the reference too, so that all matched models are built alike. Nothing
else is touched. Resizing the states' width D instead would resize what a mechanism works in, the tables of words and
the decoder, and D must stay a multiple of the heads: steps far coarser than the feed-forward layers' 2 D + 1.

    count(w) = fixed + slope w      exactly linear, so counts on the meta device give w

``parameters``: all trainable ones but the embeddings', whose tables are the same for all and would hide a difference.
``flops``: as ``flops.forward_flops`` counts them, on the first rows of train.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from omegaconf import DictConfig, OmegaConf, open_dict

from harness.build.checks import UnsupportedError
from harness.build.counts import count_parameters
from harness.build.data import Data, encode
from harness.build.factories import is_floor, uses_external
from harness.build.flops import forward_flops
from harness.build.model import make_model
from harness.configuration.compose import CONF
from harness.records.record import Match
from models.feedforward import FeedForward

NONE = "none"


Line = tuple[float, float]
"""(fixed, slope) of a count over the width of the feed-forward layers."""


def match_model(config: DictConfig, data: Data) -> tuple[DictConfig, Match | None]:
    """The configuration resized to the reference, and what was reached: width, counts, ratio (None for match=none).

    Raises UnsupportedError, with the nearest that can be reached, where no width comes within ``match.tolerance``.
    """
    if config.match.by == NONE:
        return config, None
    count, wanted = COUNTS[config.match.by], config.match
    started = time.perf_counter()
    reference = reference_of(config)
    base = round(wanted.expansion * config.backbone.width)
    fixed, slope = count(reference, _data_for(reference, data))
    target = fixed + slope * base
    fixed, slope = count(config, data)
    width = max(1, round((target - fixed) / slope))
    reached = fixed + slope * width
    facts: Match = {
        "by": wanted.by,
        "reference": wanted.reference,
        "reference_width": base,
        "reference_count": target,
        "width": width,
        "count": reached,
        "ratio": reached / target,
        "seconds": time.perf_counter() - started,
    }
    if abs(facts["ratio"] - 1) > wanted.tolerance:
        raise UnsupportedError(
            f"model={config.names.model} cannot be matched to model={wanted.reference} by {wanted.by}: the nearest, at "
            f"feed-forward width {width}, is {facts['ratio']:.3f} times the reference, and within "
            f"{wanted.tolerance:.0%} was wanted; raise match.expansion (now {wanted.expansion}), or choose a larger "
            "match.reference"
        )
    return resized(config, width), facts


def check_match(config: DictConfig) -> None:
    """Refuse what cannot be matched whatever the data. Raises UnsupportedError, or ValueError for a wrong value."""
    wanted = config.match
    if wanted.by == NONE or is_floor(config):
        return
    if wanted.by not in COUNTS:
        raise ValueError(f"match.by is {NONE} or one of {', '.join(COUNTS)}, got {wanted.by!r}")
    if not wanted.expansion * config.backbone.width >= 1:
        raise ValueError(f"match.expansion is a number above 0, in widths of the backbone; got {wanted.expansion!r}")
    if "feedforward_width" not in config.backbone:
        raise UnsupportedError(
            f"match={wanted.by} resizes backbone.feedforward_width, and backbone={config.names.backbone} has none; "
            "choose another backbone, or match=none"
        )
    reference_of(config)


def resized(config: DictConfig, width: int) -> DictConfig:
    """The same configuration with feed-forward layers of this width, in the backbone and, where it has one, decoder."""
    changed = config.copy()
    with open_dict(changed):
        changed.backbone.feedforward_width = width
        if "feedforward_width" in changed.decoder:
            changed.decoder.feedforward_width = width
    return changed


def reference_of(config: DictConfig) -> DictConfig:
    """The same configuration with the reference mechanism, as its file says. Raises ValueError if there is none."""
    name = config.match.reference
    known = {path.stem: OmegaConf.load(path) for path in sorted((CONF / "model").glob("*.yaml"))}
    networks = [stem for stem, node in known.items() if "attention" in node and stem != "custom"]
    if name not in networks:
        raise ValueError(f"match.reference is one of {', '.join(networks)}; got {name!r}")
    changed = config.copy()
    with open_dict(changed):
        changed.model = known[name]
        changed.names.model = name
    return changed


def _data_for(reference: DictConfig, data: Data) -> Data:
    """The data as the reference reads them: encoded anew only if its FLOPs need an external memory that they lack."""
    lacking = uses_external(reference) and not uses_external(data.config) and data.task.encoder_reads_external
    return encode(reference, data.task, data.corpus) if lacking and reference.match.by == "flops" else data


def _parameters(config: DictConfig, data: Data) -> Line:
    one, two = (count_parameters(make_model(resized(config, width), data, device="meta")) for width in (1, 2))
    first, second = (counted["total"] - counted["embedding"] for counted in (one, two))
    return 2 * first - second, second - first


def _flops(config: DictConfig, data: Data) -> Line:
    """From one forward pass, for a pass through an LSTM takes most of a second here."""
    smallest = resized(config, 1)
    model = make_model(smallest, data, device="meta")
    try:
        counted = forward_flops(smallest, data)
    except (RuntimeError, NotImplementedError) as error:
        raise UnsupportedError(
            f"model={config.names.model} cannot be matched by flops: on the meta device it fails with "
            f"{type(error).__name__}: {error}; use match=parameters"
        ) from error
    slope = sum(counted[name] for name, module in model.named_modules() if isinstance(module, FeedForward))
    return counted[""] - slope, slope


COUNTS: dict[str, Callable[[DictConfig, Data], Line]] = {"parameters": _parameters, "flops": _flops}
"""What is made equal -> how it is counted."""

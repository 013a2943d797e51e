"""The time of a sweep over the states of a frozen encoder against the same sweep without an encoder.

    python benchmarks/encoder.py [--encoder FOLDER] [--data_dir FOLDER] [--output]

Each mechanism is trained once with ``embedding=encoder`` and once with the embedding that the task has without: same
data, same steps, same backbone, one thread, one after the other in turns, so that whatever else the machine does hits
both. The states are computed before, once; how long that takes is told apart. Training and validation are timed, as the
records have them, and a run as a whole: reading data, building, training, testing. Without an encoder at hand a
random one is made of the same sizes as a small published one (6 layers, width 384), which takes as long.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from drivers.reporting import RESULTS, compare_turns, machine, make_parser, publish

from harness.configuration.compose import compose_configuration
from harness.configuration.values import check_settings
from harness.run.execute import execute
from models.architecture import quiet

RESULT = RESULTS / "encoder.md"
MECHANISMS = ("none", "uniform", "dot", "general", "additive", "gated", "self", "bidirectional", "memory")
LAYERS = ("last", "mix")
ROWS = ("data.max_train=1000", "data.max_validation=200", "data.max_test=200")


def made_encoder(folder: Path, *, layers: int, width: int) -> Path:
    """A random BERT with a tokenizer of characters and their continuations."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    signs = [chr(code) for code in range(33, 127)]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *signs, *(f"##{sign}" for sign in signs)]
    tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    sizes = {"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": layers}
    config = BertConfig(vocab_size=len(pieces), num_attention_heads=4, max_position_embeddings=512, **sizes)
    with quiet():
        BertModel(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def run_seconds(options: list[str]) -> tuple[float, Any]:
    """The seconds of a run from its configuration to its record, and the record."""
    config = compose_configuration([*options, "force=true"])
    check_settings(config)
    started = time.perf_counter()
    outcome = execute(config)
    seconds = time.perf_counter() - started
    assert outcome.record["status"] == "done", outcome.record["reason"]
    return seconds, outcome.record


def measure(common: list[str], encoder: list[str], mechanisms: tuple[str, ...]) -> list[str]:
    """The rows of the table: whole sweeps, and training alone."""
    read = {layers: [*common, *encoder, f"embedding.parts.encoder.layers={layers}"] for layers in LAYERS}
    # the states are computed here
    once = {layers: run_seconds([*read[layers], "model=none", "training.steps=1", "seed=99"])[1] for layers in LAYERS}
    whole: dict[str, list[tuple[float, float]]] = {layers: [] for layers in LAYERS}
    training: dict[str, list[tuple[float, float]]] = {layers: [] for layers in LAYERS}
    for mechanism in mechanisms:
        without, plain = run_seconds([*common, f"model={mechanism}"])
        for layers in LAYERS:
            over, frozen = run_seconds([*read[layers], f"model={mechanism}"])
            whole[layers].append((without, over))
            training[layers].append((plain["costs"]["train_seconds"], frozen["costs"]["train_seconds"]))
        print(mechanism, *(f"{layers} {over / without:.2f}" for layers, (*_, (without, over)) in whole.items()))
    rows = []
    for layers in LAYERS:
        sums = [sum(side) for side in zip(*whole[layers], strict=True)]
        trained = [sum(side) for side in zip(*training[layers], strict=True)]
        ratio = compare_turns(whole[layers])
        rows.append(
            f"| {layers} | {once[layers]['encoder']['seconds']:.0f} | {sums[0]:.0f} | {sums[1]:.0f} "
            f"| {sums[1] / sums[0]:.2f} | {ratio.low:.2f} to {ratio.high:.2f} | {trained[1] / trained[0]:.2f} |"
        )
    return rows


def main() -> None:
    """Measure both ways of using the layers."""
    parser = make_parser(__doc__, RESULT)
    parser.add_argument("--encoder", help="the folder of an encoder; left out: a random one")
    parser.add_argument("--data_dir", help="a folder with sst2; left out: the bundled corpus of sentiment")
    parser.add_argument("--steps", type=int, default=150)
    options = parser.parse_args()
    load, smallest = os.getloadavg()[0], options.smallest
    mechanisms = MECHANISMS[1:3] if smallest else MECHANISMS
    data = ["data=sst2", f"data_dir={options.data_dir}"] if options.data_dir else ["data.size=small", *ROWS]
    with tempfile.TemporaryDirectory() as folder:
        sizes = {"layers": 2, "width": 16} if smallest else {"layers": 6, "width": 384}
        there = options.encoder or made_encoder(Path(folder) / "encoder", **sizes)
        common = ["task=sentiment", *data, f"results_dir={folder}/results", "trainer=cpu", "logger=none"]
        common += ["trainer.enable_progress_bar=false", "attention_maps=false", f"training.steps={options.steps}"]
        if smallest:
            common += ["data.size=few", "training.steps=2", "backbone.width=16"]
        encoder = ["embedding=encoder", f"embedding.path={there}"]
        rows = measure(common, encoder, mechanisms)
    head = (
        "| layers | states, once, s | without, s | over states, s | ratio | quartiles by mechanism | training alone |\n"
    )
    text = f"# A sweep over the states of a frozen encoder\n\n{__doc__}\n{machine(load)}\n\n"
    text += f"{options.steps} steps a run, {len(mechanisms)} mechanisms: {', '.join(mechanisms)}.\n\n"
    publish(text + head + "|---|--:|--:|--:|--:|--:|--:|\n" + "\n".join(rows) + "\n", RESULT, write=options.output)


if __name__ == "__main__":
    main()

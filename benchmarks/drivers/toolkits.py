"""The peers of ``peers.py``: their settings, and their own programs, run in their own environments.

A peer finds ``train.source``, ``train.target``, ``test.source``, ``test.target`` (symbols between blanks) and
``vocabulary`` (one symbol a line) in ``folder``, trains ``updates`` steps, and only then can search.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

SENTENCES, SYMBOLS = 64, 60
"""What is translated: sentences of a batch, symbols written for each."""

REPORT = 5
"""Updates between two reports of a training's speed."""

CLOCKED = Path(__file__).parent / "clocked.py"

JOEYNMT = """
name: speed
use_cuda: false
model_dir: $folder/joeynmt
data:
  train: $folder/train
  $second: $folder/test
  dataset_type: plain
  src: {lang: source, level: word, max_length: 1000, lowercase: false, voc_file: $folder/vocabulary}
  trg: {lang: target, level: word, max_length: 1000, lowercase: false, voc_file: $folder/vocabulary}
testing: {beam_size: $beam, batch_size: $sentences, batch_type: sentence, max_output_length: $symbols}
training:
  {optimizer: adam, learning_rate: 0.0003, clip_grad_norm: 1.0, label_smoothing: 0.1,
  scheduling: warmupinversesquareroot, learning_rate_warmup: 100, normalization: tokens, epochs: 10,
  batch_size: 4096, batch_type: token, updates: $updates, logging_freq: $report, validation_freq: ${report}000,
  print_valid_sents: [], overwrite: $overwrite}
model:
  tied_embeddings: true
  tied_softmax: true
  encoder: &layers
    {type: transformer, num_layers: 4, num_heads: 4, hidden_size: 128, ff_size: 256, layer_norm: pre, dropout: 0.3,
    embeddings: {embedding_dim: 128, scale: true, dropout: 0.3}}
  decoder: *layers
"""

OPENNMT = """
data: {corpus: {path_src: train.source, path_tgt: train.target}}
src_vocab: vocabulary
tgt_vocab: vocabulary
share_vocab: true
share_embeddings: true
share_decoder_embeddings: true
n_sample: 0
save_model: opennmt
save_checkpoint_steps: $updates
train_steps: $updates
report_every: $report
num_workers: 0
bucket_size: 30000
batch_type: tokens
batch_size: 4096
batch_size_multiple: 8
normalization: tokens
accum_count: [1]
accum_steps: [0]
optim: adam
learning_rate: 2
decay_method: noam
warmup_steps: 100
max_grad_norm: 1
label_smoothing: 0.1
param_init: 0
param_init_glorot: true
encoder_type: transformer
decoder_type: transformer
position_encoding: true
enc_layers: 4
dec_layers: 4
heads: 4
hidden_size: 128
word_vec_size: 128
transformer_ff: 256
dropout: [0.3]
attention_dropout: [0.1]
"""


@dataclass(frozen=True)
class JoeyNMT:
    """JoeyNMT, in its own environment."""

    python: Path
    folder: Path
    updates: int

    def train(self, threads: int) -> float:
        """Target tokens a second."""
        self._configure("train")
        said = run([self.python, "-m", "joeynmt", "train", "joeynmt.yaml", "--skip-test"], self.folder, threads)
        return speed([float(rate) for rate in re.findall(r"Tokens per Sec: +([\d.]+)", said)])

    def search(self, threads: int, beam: int) -> float:
        """Seconds for the sentences."""
        self._configure("test", beam=beam)
        clocked = [self.python, CLOCKED, "joeynmt.__main__:main", "joeynmt.prediction:search"]
        # Its program does not hand this option on to its search.
        options = [f"min_output_length={SYMBOLS}", "--", "test", "joeynmt.yaml"]
        return only_call(run([*clocked, *options], self.folder, threads))

    def _configure(self, mode: str, *, beam: int = 1) -> None:
        training = mode == "train"
        changing = {"second": "dev" if training else "test", "overwrite": str(training).lower(), "beam": beam}
        fixed = {"sentences": SENTENCES, "symbols": SYMBOLS, "updates": self.updates, "report": REPORT}
        config = Template(JOEYNMT).substitute(folder=self.folder, **changing, **fixed)
        (self.folder / "joeynmt.yaml").write_text(config, encoding="utf-8")


@dataclass(frozen=True)
class OpenNMT:
    """OpenNMT-py, in its own environment."""

    python: Path
    folder: Path
    updates: int

    def train(self, threads: int) -> float:
        """Target tokens a second."""
        config = Template(OPENNMT).substitute(updates=self.updates, report=REPORT)
        (self.folder / "opennmt.yaml").write_text(config, encoding="utf-8")
        said = run([self.python, "-m", "onmt.bin.train", "-config", "opennmt.yaml"], self.folder, threads)
        return speed([float(rate) for rate in re.findall(r"/ *(\d+) tok/s", said)])

    def search(self, threads: int, beam: int) -> float:
        """Seconds for the sentences."""
        function = "onmt.translate.translator:Translator.translate_batch"
        clocked = [self.python, CLOCKED, "onmt.bin.translate:main", function, "--"]
        texts = ["-model", f"opennmt_step_{self.updates}.pt", "-src", "test.source", "-output", "opennmt.target"]
        length = ["-min_length", str(SYMBOLS), "-max_length", str(SYMBOLS), "-max_length_ratio", "0"]
        batch = ["-batch_size", str(SENTENCES), "-batch_type", "sents"]
        command = [*clocked, *texts, "-beam_size", str(beam), *length, *batch]
        seconds = only_call(run(command, self.folder, threads))
        written = {len(line.split()) for line in (self.folder / "opennmt.target").open(encoding="utf-8")}
        if written != {SYMBOLS}:
            raise RuntimeError(f"expected {SYMBOLS} symbols a sentence from OpenNMT-py, got {sorted(written)}")
        return seconds


def run(command: list[Any], folder: Path, threads: int) -> str:
    """What a program prints; raises RuntimeError with its last words if it fails."""
    known = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=os.environ | known,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def speed(rates: list[float]) -> float:
    """Tokens a second over all reports but the first."""
    return statistics.harmonic_mean(rates[1:])


def only_call(said: str) -> float:
    """Seconds of the one call that ``clocked.py`` saw."""
    calls = [float(seconds) for seconds in re.findall(r"^clocked ([\d.e-]+)$", said, flags=re.MULTILINE)]
    if len(calls) != 1:
        raise RuntimeError(f"expected one measured call, got {len(calls)}:\n{said[-3000:]}")
    return calls[0]

"""The files of a pretrained encoder, in a folder or from the hub: which there must be, and a hash of what they hold.

Only the standard library is needed; an id on the hub also needs the package ``huggingface_hub``, and a network once.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model")
"""What a tokenizer is read from: any of these, most often the first."""

READ = ("config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", *TOKENIZERS)
"""The files that are read, besides weights in ``*.safetensors``."""

PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack")
"""Weights that are not read."""


def encoder_folder(name: str) -> Path:
    """The folder of this name with all that an encoder needs; if there is none, the encoder with this id on the hub.

    ``id@revision`` names a revision. Raises ValueError, naming ``embedding.path``, for what is missing.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _fetched(name)
    problem = _problem(folder)
    if problem is not None:
        option = f"embedding.path={name}"
        raise ValueError(f"{option}: {problem}")
    return folder


def content_of_encoder(folder: Path) -> str:
    """A SHA-256 of all that is read of an encoder; of the same files the same, wherever they lie."""
    files = sorted(path for path in folder.iterdir() if path.name in READ or path.suffix == ".safetensors")
    states = ((path.name, path.stat().st_size, path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in files)
    return _hashed(folder.resolve(), tuple(states))


@lru_cache(maxsize=8)
def _hashed(folder: Path, states: tuple[tuple[str, int, int, int], ...]) -> str:
    """Once a process, as long as the files stay as they are."""
    digest = hashlib.sha256()
    for name, *_ in states:
        with (folder / name).open("rb") as file:
            digest.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=8)
def _fetched(name: str) -> Path:
    identity, _, revision = name.partition("@")
    if Path(name).expanduser().exists() or identity.count("/") > 1 or name.startswith((".", "/", "~")):
        raise ValueError(f"embedding.path={name}: expected the folder of an encoder, or its id on the hub")
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    try:
        return Path(snapshot_download(identity, revision=revision or None, allow_patterns=[*READ, "*.safetensors*"]))
    except Exception as error:  # whatever a network, or its lack, makes of it
        said = " ".join(str(error).split()).partition(". ")[0]
        raise ValueError(
            f"embedding.path={name}: there is no such folder, and the hub did not give it ({said[:160]}); without a "
            "network give a folder with config.json, tokenizer.json and model.safetensors"
        ) from error


def _problem(folder: Path) -> str | None:
    names = {path.name for path in folder.iterdir()}
    if "config.json" not in names:
        return f"expected config.json in the folder of an encoder, found {_listed(names)}"
    if not any(name.endswith(".safetensors") for name in names):
        pickled = next((name for name in PICKLES if name in names), None)
        if pickled is None:
            return f"expected weights in model.safetensors, found {_listed(names)}"
        return (
            f"{pickled} is no safetensors file, and to read a pickle is to run what is in it; where you trust it, "
            "write another folder by AutoModel.from_pretrained(folder).save_pretrained(other) and copy the tokenizer"
        )
    if not names & set(TOKENIZERS):
        return "the tokenizer is missing: expected tokenizer.json beside config.json; fetch it"
    return None


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)[:8]) or "nothing"

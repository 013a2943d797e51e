"""From an encoded split and some indices to a ``Batch``: padded tensors, cut out without a loop over texts.

B texts, T positions, U distinct forms in the batch, K tokens of the batch, N texts of the split
"""

from __future__ import annotations

import numpy as np
import torch

from models.embeddings import TextTensors
from tasks.base import PADDING, Batch
from tasks.encoding.arrays import EncodedSplit, EncodedTexts, FormVectors
from tasks.encoding.padding import Ints, padded, ranges


def collate(split: EncodedSplit, indices: Ints) -> Batch:
    """The examples ``indices`` of the split (from 0), in this order, as a batch.

    An external text that all examples share becomes a single row, (1, E): encode it once and expand the result.
    """
    external = split.external
    if external is not None:
        shared = len(external) == 1 and len(split) != 1
        external_tensors = collate_texts(external, np.zeros(1, dtype=np.int64) if shared else indices)
    return Batch(
        rows_B=torch.from_numpy(split.rows_N[indices].astype(np.int64)),
        texts=tuple(collate_texts(text, indices) for text in split.texts),
        external=external_tensors if external is not None else None,
        labels=None if split.labels is None else split.labels.collate(indices),
        copies_BS=_collate_copies(split, indices),
    )


def collate_texts(texts: EncodedTexts, indices: Ints) -> TextTensors:
    """The texts ``indices``, padded to the longest of them."""
    starts, lengths = texts.offsets[indices], texts.offsets[indices + 1] - texts.offsets[indices]
    mask_BT = np.arange(lengths.max(initial=1)) < lengths[:, None]
    forms_K = texts.forms_K[ranges(starts, lengths)]
    distinct_U, places_K = np.unique(forms_K, return_inverse=True)
    forms_BT = np.zeros(mask_BT.shape, dtype=np.int64)
    forms_BT[mask_BT] = places_K
    words_BT = np.zeros(mask_BT.shape, dtype=np.int64)
    words_BT[mask_BT] = texts.forms.words_U[forms_K]
    characters_UC = texts.forms.characters_UC[distinct_U]
    longest = max(1, int((characters_UC != 0).any(axis=0).sum()))
    ngram_starts = texts.forms.ngram_offsets[distinct_U]
    ngram_counts = texts.forms.ngram_offsets[distinct_U + 1] - ngram_starts
    return TextTensors(
        words_BT=torch.from_numpy(words_BT),
        mask_BT=torch.from_numpy(mask_BT),
        forms_BT=torch.from_numpy(forms_BT),
        characters_UC=torch.from_numpy(characters_UC[:, :longest].astype(np.int64)),
        shapes_U=torch.from_numpy(texts.forms.shapes_U[distinct_U].astype(np.int64)),
        ngrams_N=torch.from_numpy(texts.forms.ngrams_M[ranges(ngram_starts, ngram_counts)].astype(np.int64)),
        ngram_offsets_U=torch.from_numpy(np.cumsum(ngram_counts) - ngram_counts),
        pretrained=None if texts.pretrained is None else texts.pretrained.collate(indices, mask_BT),
        **_vectors(texts.forms.vectors, distinct_U),
    )


def _vectors(vectors: FormVectors | None, distinct_U: Ints) -> dict[str, torch.Tensor]:
    if vectors is None:
        return {}
    return {
        "vectors_UD": torch.from_numpy(vectors.table.rows_VD[vectors.places_U[distinct_U]]),
        "vector_ids_U": torch.from_numpy(vectors.ids_U[distinct_U].astype(np.int64)),
    }


def _collate_copies(split: EncodedSplit, indices: Ints) -> torch.Tensor | None:
    if split.copies_U is None:
        return None
    source = split.texts[0]
    return padded(split.copies_U[source.forms_K], source.offsets, indices, filler=PADDING)

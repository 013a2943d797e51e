"""Gold alignments: which word of the target belongs to which of the source, and attention between whole words.

W words of the target, V words of the source, T and S symbols of the same
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.encoding.subwords import word_numbers
from tasks.reading.columns import references, text_of
from tasks.reading.source import Corpus


def gold_is_aligned(corpus: Corpus) -> bool:
    """Whether every row but those of train has a gold ``alignment``."""
    return all(
        row.get("alignment") is not None for split, rows in corpus.splits.items() if split != "train" for row in rows
    )


def check_alignments(corpus: Corpus) -> None:
    """Raise ValueError, with the place, for an alignment with words that the row does not have."""
    for split, rows in corpus.splits.items():
        for number, row in enumerate(rows if split != "train" else ()):
            written, read = len(references(row)[0].split()), len(text_of(row["source"]).split())
            wrong = [link for link in row["alignment"] if not _links(link, written, read)]
            if wrong:
                raise ValueError(
                    f"{corpus.place(split, number)}: expected 'alignment' as pairs of a target word (0 to "
                    f"{written - 1}) and a source word (0 to {read - 1}), words being what stands between spaces; "
                    f"got {wrong[0]!r}"
                )


def _links(link: Any, written: int, read: int) -> bool:
    """Whether ``link`` is a pair of a target word and a source word that are there."""
    pair = isinstance(link, Sequence) and len(link) == 2 and all(isinstance(word, int) for word in link)
    return pair and 0 <= link[0] < written and 0 <= link[1] < read


def weights_between_words(
    weights_TS: Any, *, written: Sequence[str], read: Sequence[str], source: str | list[str]
) -> Any:
    """Attention weights between symbols as weights (W, V) between whole words.

    They are summed over the symbols of a source word and averaged over those of a target word. ``written`` and
    ``read`` are the symbols; words of ``source`` that were cut off before it was read weigh nothing.
    """
    of_target, of_source = word_numbers(written), word_numbers(read)
    rows_WT = np.eye(of_target[-1] + 1)[:, of_target]
    columns_SV = np.eye(len(text_of(source).split()))[of_source]
    return rows_WT @ weights_TS @ columns_SV / rows_WT.sum(axis=1, keepdims=True)

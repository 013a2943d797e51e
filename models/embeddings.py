"""From the ids of words and characters to vectors.

A token's vector is put together from *parts*: its word, its spelling, its left neighbour. A part is any module

    part(sizes, **options) -> .width, forward(TextTensors) -> x_BTD

so that a new kind of feature is one class and one entry under ``parts`` of a YAML file in ``conf/embedding``.

B texts, T positions, U distinct word forms in the batch, C characters of a form, N n-grams, D width, F filters
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.architecture import Architecture
from models.pieces import TokenPieces, TokenStates, changed

PADDING, UNKNOWN = 0, 1
SHAPES = 64
"""Number of word shapes: six bits."""


@dataclass(frozen=True)
class TextTensors:
    """A padded batch of texts, ids only.

    Spelling is a property of the word form, so what is computed from it is computed once a distinct form.

    ``words_BT``: vocabulary ids (int64), 0 = padding, 1 = unknown.
    ``mask_BT``: True = a real token.
    ``forms_BT``: index into the distinct word forms of this batch (0 at padding, which is some real form).
    ``characters_UC``: character ids of each distinct form, 0 = padding, 1 = unknown.
    ``shapes_U``: which kinds of characters each distinct form has, six bits, ids in [0, SHAPES).
    ``ngrams_N``: hashed character n-grams of all forms one after the other, ids in [0, buckets).
    ``ngram_offsets_U``: where the n-grams of each form start in ``ngrams_N`` (as in ``nn.EmbeddingBag``).
    ``pretrained``: what a pretrained encoder makes of the tokens, or reads of them; None without one.
    ``vectors_UD``, ``vector_ids_U``: the pretrained vector of each form and its number, see ``models.vectors``; None
    where none are used.
    """

    words_BT: Tensor
    mask_BT: Tensor
    forms_BT: Tensor
    characters_UC: Tensor
    shapes_U: Tensor
    ngrams_N: Tensor
    ngram_offsets_U: Tensor
    vectors_UD: Tensor | None = None
    vector_ids_U: Tensor | None = None
    pretrained: TokenStates | TokenPieces | None = None

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> TextTensors:
        """The same texts on ``device``."""
        return self.each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def each(self, change: Callable[[Tensor], Tensor]) -> TextTensors:
        """The same texts with every tensor that there is changed."""
        there = {name: change(value) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **there, pretrained=self.pretrained and changed(self.pretrained, change))

    def rearranged(self, change: Callable[[Tensor], Tensor]) -> TextTensors:
        """With everything changed that has positions, (B, T). What belongs to the distinct forms stays as it is."""
        placed = {name: change(getattr(self, name)) for name in ("words_BT", "mask_BT", "forms_BT")}
        moved = self.pretrained and changed(self.pretrained, change, only="places_BT")
        return replace(self, **placed, pretrained=moved)


class IdCounts(NamedTuple):
    """How many ids there are of each kind, known only once the training texts have been read.

    ``encoder``: the pretrained encoder that parts may be of.
    ``vectors``: pretrained ones of words that train shows; ``vector_width``: of these, 0 where none are used.
    """

    vocabulary: int
    characters: int
    ngram_buckets: int
    encoder: Architecture | None = None
    vectors: int = 0
    vector_width: int = 0


class Part(Protocol):
    """What ``TokenEmbedding`` asks of a part."""

    width: int

    def __call__(self, texts: TextTensors, /) -> Tensor:
        """The part's vectors, (B, T, width). What stands at padded positions does not matter."""


class WordVectors(nn.Module):
    """One learned vector a word of the vocabulary.

    ``word_dropout``: the probability that, in training, a token is read as the unknown word. Only this part
    forgets it: the spelling stays, so that the model learns to rely on spelling where a word is new
    (Lample et al. 2016, section 4.3, https://arxiv.org/abs/1603.01360, who replace singletons with p = 0.5).
    ``std``: the spread that the vectors start with, normally distributed. A small one (0.1) leaves spelling and context
    the say over rare words; a large one (1.0) tells words apart from the first step.
    """

    def __init__(self, sizes: IdCounts, *, width: int, word_dropout: float, std: float) -> None:
        super().__init__()
        self.width, self.word_dropout = width, probability("word_dropout", word_dropout)
        self.table = nn.Embedding(sizes.vocabulary, width, padding_idx=PADDING)
        with torch.no_grad():
            self.table.weight.normal_(std=std)
            self.table.weight[PADDING].zero_()

    def forward(self, texts: TextTensors) -> Tensor:
        """The vectors of the words, (B, T, width); padding is for ``TokenEmbedding`` to mask."""
        words_BT = texts.words_BT
        if self.training and self.word_dropout > 0:
            forget_BT = torch.rand(words_BT.shape, device=words_BT.device) < self.word_dropout
            words_BT = torch.where(forget_BT & texts.mask_BT, UNKNOWN, words_BT)
        vectors: Tensor = self.table(words_BT)
        return vectors


class CharacterConvolution(nn.Module):
    """The spelling of a word: max over time of a convolution over its characters.

    ``f = max_t relu(W [c_{t-k/2}; ...; c_{t+k/2}] + b)`` with character vectors ``c`` of ``character_width``, an odd
    kernel ``k`` and ``width`` filters. Ma and Hovy 2016, section 2.1, https://arxiv.org/abs/1603.01354; Kim et al.
    2016, section 3.2, https://arxiv.org/abs/1508.06615. Differs from them: a rectified response instead of a linear
    or tanh one, which also makes the vector of an empty form zero. Computed once a distinct form, not once a token.
    """

    def __init__(self, sizes: IdCounts, *, character_width: int, width: int, kernel: int) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"the character convolution expects an odd kernel, got {kernel}; use {kernel + 1}")
        self.width = width
        self.table = _table(sizes.characters, character_width, padding=PADDING)
        self.convolution = nn.Conv1d(character_width, width, kernel, padding=kernel // 2)

    def forward(self, texts: TextTensors) -> Tensor:
        """The spelling vectors, (B, T, width)."""
        characters_UC = texts.characters_UC
        response_UFC = self.convolution(self.table(characters_UC).transpose(1, 2))
        response_UFC = F.relu(response_UFC) * (characters_UC != PADDING)[:, None, :]
        return F.embedding(texts.forms_BT, response_UFC.amax(dim=2))


class ShapeVectors(nn.Module):
    """One learned vector a word shape: which of upper case, lower case, digits and signs a form has, and where.

    The capitalisation feature of Collobert et al. 2011, section 3.1, https://arxiv.org/abs/1103.0398; with digits and
    signs beside it. It tells names from words that were never seen.
    """

    def __init__(self, sizes: IdCounts, *, width: int) -> None:
        super().__init__()
        self.width = width
        self.table = _table(SHAPES, width, padding=None)

    def forward(self, texts: TextTensors) -> Tensor:
        """The vectors of the shapes, (B, T, width)."""
        return F.embedding(texts.forms_BT, self.table(texts.shapes_U))


class NgramBag(nn.Module):
    """The spelling of a word as a bag of hashed character n-grams: ``sum of the n-grams' vectors / sqrt(n)``.

    Bojanowski et al. 2017, section 3.2, https://arxiv.org/abs/1607.04606. Differs from the paper: divided by the
    square root of their number, so that long words are not louder than short ones; trained with the task alone.
    """

    def __init__(self, sizes: IdCounts, *, width: int) -> None:
        super().__init__()
        if sizes.ngram_buckets < 1:
            raise ValueError(
                f"n-gram vectors expect at least one bucket, got embedding.ngram_buckets={sizes.ngram_buckets}; "
                "set embedding.ngram_buckets, or switch the part off with embedding.parts.ngrams.width=0"
            )
        self.width = width
        self.table = _table(sizes.ngram_buckets, width, padding=None)

    def forward(self, texts: TextTensors) -> Tensor:
        """The spelling vectors, (B, T, width); zero for a form without n-grams."""
        ngrams_N, offsets_U = texts.ngrams_N, texts.ngram_offsets_U
        total_UD = F.embedding_bag(ngrams_N, self.table.weight, offsets_U, mode="sum")
        ends_U = F.pad(offsets_U[1:], (0, 1), value=len(ngrams_N))
        count_U = (ends_U - offsets_U).clamp(min=1)
        return F.embedding(texts.forms_BT, total_UD * count_U.rsqrt()[:, None])


class BigramVectors(nn.Module):
    """One learned vector a hashed pair (word on the left, word), the embedding form of word-bigram features.

    Joulin et al. 2017 (fastText), section 2.1, https://arxiv.org/abs/1607.01759. Differs from the paper: the pair
    is hashed from vocabulary ids, so pairs of a known word with any unknown one share theirs, and the vector
    stands at its token instead of in the text's mean.
    """

    def __init__(self, sizes: IdCounts, *, buckets: int, width: int) -> None:
        super().__init__()
        self.width, self.buckets = width, buckets
        self.table = _table(buckets, width, padding=None)

    def forward(self, texts: TextTensors) -> Tensor:
        """The vectors of the pairs, (B, T, width); the first token's left neighbour is the padding id."""
        left_BT = F.pad(texts.words_BT, (1, 0))[:, :-1]
        # Multiplicative hashing modulo 2**31; the high bits are the well mixed ones, hence the shift.
        hashed_BT = ((left_BT * 1_000_003 + texts.words_BT + 1) * 0x9E3779B1 & 0x7FFFFFFF) >> 7
        vectors: Tensor = self.table(hashed_BT % self.buckets)
        return vectors


class TokenEmbedding(nn.Module):
    """A token's vector from its parts, concatenated or summed, then projected if ``width`` asks for it.

    ``parts``: name -> factory ``(sizes) -> Part``; a part whose option ``width`` is 0 is left out.
    ``vectors``, ``vector_width``, ``encoder``: as in ``IdCounts``; ``path``, ``content``: where what is pretrained is
    read by who encodes the texts. Raises ValueError for a path that no part reads.
    ``combine``: ``concatenate``, or ``sum``, which needs parts of one width.
    ``width``: of the result; None keeps the width of the combined parts and adds no projection.
    ``token_dropout``: the probability that, in training, a token's whole vector is zero, spelling included; the others
    are not scaled up (Iyyer et al. 2015, section 3.1, https://aclanthology.org/P15-1162).
    ``dropout``: of the combined vector, in training. ``shared_dropout``: whether all tokens of a text lose the same
    entries (Gal and Ghahramani 2016, section 4, https://arxiv.org/abs/1512.05287) or each its own.

    Spelling vectors are computed once a distinct form of the batch, then looked up.
    """

    def __init__(
        self,
        *,
        vocabulary_size: int,
        character_count: int,
        ngram_buckets: int,
        parts: Mapping[str, Callable[[IdCounts], Part]],
        combine: Literal["concatenate", "sum"],
        width: int | None,
        token_dropout: float,
        dropout: float,
        shared_dropout: bool,
        vectors: int = 0,
        vector_width: int = 0,
        encoder: Architecture | None = None,
        path: str | None = None,
        content: str | None = None,
    ) -> None:
        super().__init__()
        sizes = IdCounts(vocabulary_size, character_count, ngram_buckets, encoder, vectors, vector_width)
        built: dict[str, Any] = {name: factory(sizes) for name, factory in parts.items() if not _switched_off(factory)}
        if path is not None and not any(getattr(part, "reads_path", False) for part in built.values()):
            raise ValueError(
                f"no part of the embedding reads embedding.path={path}; choose embedding=vectors or encoder"
            )
        self.parts = nn.ModuleDict(built)
        self.combine = combine
        combined = _combined_width({name: part.width for name, part in built.items()}, combine)
        self.token_dropout = probability("token_dropout", token_dropout)
        # One-dimensional channel dropout over (B, D, T) drops an entry for all of a text's tokens.
        self.dropout = nn.Dropout1d(dropout) if shared_dropout else nn.Dropout(dropout)
        self.shared_dropout = shared_dropout
        self.projection = nn.Identity() if width is None else nn.Linear(combined, width)
        self.width = combined if width is None else width

    def forward(self, texts: TextTensors) -> Tensor:
        """The vectors of the tokens, (B, T, width); zero at padding."""
        vectors = [part(texts) for part in self.parts.values()]
        x_BTD = torch.cat(vectors, dim=-1) if self.combine == "concatenate" else torch.stack(vectors).sum(dim=0)
        if self.training and self.token_dropout > 0:
            x_BTD = x_BTD * (torch.rand(texts.mask_BT.shape, device=x_BTD.device) >= self.token_dropout)[..., None]
        kept_BTD = self.dropout(x_BTD.mT).mT if self.shared_dropout else self.dropout(x_BTD)
        projected_BTD: Tensor = self.projection(kept_BTD)
        return projected_BTD * texts.mask_BT[..., None]


def _switched_off(factory: Callable[[IdCounts], Part]) -> bool:
    return getattr(factory, "keywords", {}).get("width") == 0


def _combined_width(widths: Mapping[str, int], combine: str) -> int:
    if not widths:
        raise ValueError(
            "a token embedding expects at least one part of a width above 0, got none; see embedding.parts"
        )
    if combine == "concatenate":
        return sum(widths.values())
    if combine != "sum":
        raise ValueError(f"embedding.combine expects 'concatenate' or 'sum', got {combine!r}")
    if len(set(widths.values())) > 1:
        raise ValueError(f"embedding.combine=sum expects parts of one width, got {dict(widths)}; make them equal")
    return next(iter(widths.values()))


def _table(count: int, width: int, *, padding: int | None) -> nn.Embedding:
    """Vectors that start uniform in +-sqrt(3 / width), as in Ma and Hovy 2016, section 3.1."""
    table = nn.Embedding(count, width, padding_idx=padding)
    bound = (3 / width) ** 0.5
    with torch.no_grad():
        table.weight.uniform_(-bound, bound)
        if padding is not None:
            table.weight[padding].zero_()
    return table


def probability(name: str, value: float) -> float:
    """The value, if it is one in [0, 1); else ValueError by its name."""
    if not 0 <= value < 1:
        raise ValueError(f"{name} expects a probability in [0, 1), got {value}")
    return value

"""From tokens to arrays: vocabularies taken from training texts, and any texts in their numbers.

U distinct forms, C characters of a form, M n-grams of all forms
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tasks.encoding.arrays import EncodedTexts, Forms
from tasks.encoding.ngrams import hash_ngrams
from tasks.encoding.padding import offsets_of
from tasks.encoding.shapes import shape_of
from tasks.encoding.vocabulary import EncodingOptions, Vocabulary


class TextCodec:
    """The vocabularies of a run, and the way from tokens to ``EncodedTexts``."""

    def __init__(self, words: Vocabulary, characters: Vocabulary, options: EncodingOptions) -> None:
        self.words = words
        self.characters = characters
        self.options = options

    @classmethod
    def fit(
        cls,
        texts: Iterable[Sequence[str]],
        options: EncodingOptions,
        *,
        first: Sequence[str] = (),
        size: int | None = None,
        exempt: Sequence[str] = (),
    ) -> TextCodec:
        """Take both vocabularies from tokenised training texts; ``first`` and ``size`` as in ``Vocabulary``.

        ``exempt``: tokens that are known however rare they are.
        """
        counts: Counter[str] = Counter()
        for tokens in texts:
            counts.update(tokens)
        words: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        for form, count in counts.items():
            words[form.lower() if options.lowercase else form] += count
            for character in form:
                characters[character] += count
        for form in exempt:
            word = form.lower() if options.lowercase else form
            words[word] = max(words[word], options.min_count)
        vocabulary = Vocabulary(words, min_count=options.min_count, first=first, size=size)
        return cls(vocabulary, Vocabulary(characters, min_count=1), options)

    def saved(self) -> dict[str, Any]:
        """The vocabularies as JSON has them."""
        return {"words": list(self.words.symbols), "characters": list(self.characters.symbols)}

    @classmethod
    def load(cls, saved: Mapping[str, Any], options: EncodingOptions) -> TextCodec:
        """The codec that was ``saved``."""
        return cls(Vocabulary.of(saved["words"]), Vocabulary.of(saved["characters"]), options)

    @property
    def vocabulary_size(self) -> int:
        """The number of word ids, padding and unknown included."""
        return len(self.words)

    @property
    def character_count(self) -> int:
        """The number of character ids, padding and unknown included."""
        return len(self.characters)

    def encode(self, texts: Sequence[Sequence[str]]) -> EncodedTexts:
        """Tokenised texts as arrays."""
        index: dict[str, int] = {}
        flat = np.fromiter((index.setdefault(token, len(index)) for text in texts for token in text), dtype=np.int32)
        pretrained = None if self.options.encoder is None else self.options.encoder.read(texts)
        return EncodedTexts(self._describe(list(index)), flat, offsets_of([len(text) for text in texts]), pretrained)

    def _describe(self, forms: list[str]) -> Forms:
        options = self.options
        lowered = [form.lower() for form in forms] if options.lowercase else forms
        words_U = np.array([self.words.id_of(word) for word in lowered], dtype=np.int32)
        longest = min(max(map(len, forms), default=0), options.max_characters)
        characters_UC = np.zeros((len(forms), longest), dtype=np.int32)
        for row, form in enumerate(forms):
            ids = [self.characters.id_of(character) for character in form[:longest]]
            characters_UC[row, : len(ids)] = ids
        ngrams_M, ngram_offsets = hash_ngrams(
            forms, shortest=options.ngram_min, longest=options.ngram_max, buckets=options.ngram_buckets
        )
        shapes_U = np.array([shape_of(form) for form in forms], dtype=np.int32)
        vectors = None if options.vectors is None else options.vectors.of(forms)
        return Forms(tuple(forms), words_U, characters_UC, shapes_U, ngrams_M, ngram_offsets, vectors)

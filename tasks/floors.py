"""Floors: models without a network, one or more a task. A network below them shows nothing.

A floor learns from the rows of train and predicts labels by name, or texts, so it is scored exactly as a network is.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from tasks.base import Row, Task
from tasks.encoding.tokenization import Tokenizer


class Floor(ABC):
    """The contract: ``check`` the task, ``fit`` on rows of train, ``predict`` labels or texts of other rows.

    ``deterministic``: whether nothing is drawn by chance, so that one run stands for all seeds; a class says so itself.
    """

    deterministic: ClassVar[bool] = False

    def check(self, task: Task) -> None:
        """Raise ValueError if the floor does not serve the task; before any data is read."""
        return

    @abstractmethod
    def fit(self, rows: Sequence[Row], task: Task, *, tokenizer: Tokenizer, seed: int) -> None:
        """Learn from rows with labels. ``tokenizer`` cuts texts as it does for the networks."""

    @abstractmethod
    def predict(self, rows: Sequence[Row]) -> list[Any]:
        """One label a row: its name, or a list of tags; or the text that is written."""

    def confidences(self, rows: Sequence[Row], predicted: Sequence[Any]) -> list[float] | None:
        """How probable each prediction is, as a network's ``Head.confidences``; None from a floor that does not say."""
        return None


class Majority(Floor):
    """The most frequent label of train; in tagging, the most frequent tag of each word, and of all for unknown words.

    Where rows have several labels, their most frequent set. Words are told apart as they are written. Ties go to what
    train shows first. BIO tags chosen word by word may be invalid; an ``I-`` that continues nothing is left standing
    and counts as the strict scorer counts it, as no span.
    """

    deterministic = True

    def __init__(self) -> None:
        self.tokenized = False
        self.column = ""
        self.label: Any = None
        self.tags: dict[str, str] = {}

    def check(self, task: Task) -> None:
        """Raise ValueError for a task that writes: hardly a text occurs twice."""
        _refuse_writing(task, "majority")

    def fit(self, rows: Sequence[Row], task: Task, *, tokenizer: Tokenizer, seed: int) -> None:
        """Count. Nothing is drawn by chance and texts are not read, so seed and tokenizer change nothing."""
        _require(rows)
        self.tokenized, self.column = task.tokenized, task.text_columns[0]
        if not task.tokenized:
            self.label = _most_frequent(row[task.label_column] for row in rows)
            return
        pairs = [pair for row in rows for pair in zip(row[self.column], row[task.label_column], strict=True)]
        counts: dict[str, Counter[str]] = {}
        for word, tag in pairs:
            counts.setdefault(word, Counter())[tag] += 1
        self.label = _most_frequent(tag for _, tag in pairs)
        self.tags = {word: tags.most_common(1)[0][0] for word, tags in counts.items()}

    def predict(self, rows: Sequence[Row]) -> list[Any]:
        """The label for every row, or the tag of every word."""
        if self.label is None:
            raise ValueError("this floor has learnt nothing yet; call fit first")
        if not self.tokenized:
            return [self.label] * len(rows)
        return [[self.tags.get(word, self.label) for word in row[self.column]] for row in rows]


class TfidfLogistic(Floor):
    """TF-IDF of word and character n-grams, then multinomial logistic regression (scikit-learn).

    Where rows have sets of labels, each label has a regression of its own.

    tf = 1 + log count, idf = log((1 + n) / (1 + df)) + 1, each text's vector of length 1 a kind of n-gram; a pair
    reads [a; b; |a - b|; a * b]. The regression minimises log loss + |w|^2 / (2 ``inverse_penalty``).

    ``word_ngrams``: shortest and longest, of the networks' tokens. ``character_ngrams``: the same within words
    (words by whitespace, padded with spaces), or None. ``lowercase``: whether case is ignored.
    ``max_iterations``: of the solver (L-BFGS); if it is not enough, scikit-learn warns. The log loss weighs labels as
    the task does (``task.class_weights``); it is not focused.
    """

    deterministic = True

    def __init__(
        self,
        *,
        word_ngrams: Sequence[int],
        character_ngrams: Sequence[int] | None,
        lowercase: bool,
        inverse_penalty: float,
        max_iterations: int,
    ) -> None:
        self.word_ngrams = _ngram_range("word_ngrams", word_ngrams)
        self.character_ngrams = None if character_ngrams is None else _ngram_range("character_ngrams", character_ngrams)
        self.lowercase = lowercase
        self.inverse_penalty = inverse_penalty
        self.max_iterations = max_iterations
        self.columns: tuple[str, ...] = ()
        self.vectorizer: Any = None
        self.regression: Any = None
        self.names: list[str] = []

    def check(self, task: Task) -> None:
        """Raise ValueError for tagging, as a bag of words has no place for a token, and for tasks that write."""
        _refuse_writing(task, "tfidf")
        if task.tokenized:
            raise ValueError(
                f"tfidf gives one label a text, but task {task.name!r} needs a tag for every token; it serves "
                "classification, sentiment and matching, and model=majority serves tagging"
            )

    def fit(self, rows: Sequence[Row], task: Task, *, tokenizer: Tokenizer, seed: int) -> None:
        """Weigh the n-grams on all texts of the rows, then fit the regression.

        Raises ValueError for a task of tags or texts, for no rows, and if all rows have the same label.
        """
        from sklearn.linear_model import LogisticRegression

        self.check(task)
        _require(rows)
        labels = [row[task.label_column] for row in rows]
        if all(label == labels[0] for label in labels):
            raise ValueError(f"tfidf expects at least two labels in train, got only {labels[0]!r}; use model=majority")
        self.columns = task.text_columns
        self.vectorizer = self._make_vectorizer(tokenizer)
        self.vectorizer.fit([_joined(row[column]) for column in self.columns for row in rows])
        regression = LogisticRegression(C=self.inverse_penalty, max_iter=self.max_iterations, random_state=seed)
        features = self._features(rows)
        self.names = sorted({name for row in rows for name in task.labels_of(row)})
        weights = task.label_weights(self.names)
        by_name = dict(zip(self.names, weights, strict=True)) if weights is not None else {}
        if isinstance(labels[0], list):
            self.regression = _one_for_each(regression, features, labels, self.names, by_name)
        else:
            self.regression = regression.set_params(class_weight=by_name or None).fit(features, labels)

    def predict(self, rows: Sequence[Row]) -> list[Any]:
        """The most probable label of each row, or the set of those that are more probable than not."""
        if self.regression is None:
            raise ValueError("this floor has learnt nothing yet; call fit first")
        if isinstance(self.regression, list):
            features = self._features(rows)
            chosen_LN = [rule.predict(features) for rule in self.regression]
            return [
                [name for name, chosen in zip(self.names, row, strict=True) if chosen]
                for row in zip(*chosen_LN, strict=True)
            ]
        return [str(label) for label in self.regression.predict(self._features(rows))]

    def confidences(self, rows: Sequence[Row], predicted: Sequence[Any]) -> list[float] | None:
        """The probability of each label, or of each set: that just its labels are there, each for itself."""
        features = self._features(rows)
        if not isinstance(self.regression, list):
            found: list[float] = self.regression.predict_proba(features).max(axis=1).tolist()
            return found
        rules = [(rule, list(rule.classes_).index(True)) for rule in self.regression]
        there_LN = [rule.predict_proba(features)[:, column].tolist() for rule, column in rules]
        return [
            math.prod(p if name in chosen else 1 - p for name, p in zip(self.names, there, strict=True))
            for chosen, there in zip(predicted, zip(*there_LN, strict=True), strict=True)
        ]

    def _make_vectorizer(self, tokenizer: Tokenizer) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import FeatureUnion

        # token_pattern is said to be unused, or scikit-learn warns that a tokenizer overrides it.
        words = TfidfVectorizer(
            tokenizer=tokenizer,
            token_pattern=None,
            ngram_range=self.word_ngrams,
            lowercase=self.lowercase,
            sublinear_tf=True,
        )
        if self.character_ngrams is None:
            return words
        characters = TfidfVectorizer(
            analyzer="char_wb", ngram_range=self.character_ngrams, lowercase=self.lowercase, sublinear_tf=True
        )
        return FeatureUnion([("words", words), ("characters", characters)])

    def _features(self, rows: Sequence[Row]) -> Any:
        from scipy.sparse import hstack

        first, *others = [self.vectorizer.transform([_joined(row[column]) for row in rows]) for column in self.columns]
        if not others:
            return first
        (second,) = others
        return hstack([first, second, abs(first - second), first.multiply(second)]).tocsr()


class CopySource(Floor):
    """The source itself, unchanged: what a correction has to beat, and what a translation shares with its source."""

    deterministic = True

    def __init__(self) -> None:
        self.column = ""

    def check(self, task: Task) -> None:
        """Raise ValueError for a task whose output is no text."""
        _require_writing(task, "copy")

    def fit(self, rows: Sequence[Row], task: Task, *, tokenizer: Tokenizer, seed: int) -> None:
        """Note which column is the source; nothing is learnt."""
        self.check(task)
        _require(rows)
        self.column = task.text_columns[0]

    def predict(self, rows: Sequence[Row]) -> list[Any]:
        """The source of each row."""
        if not self.column:
            raise ValueError("this floor has learnt nothing yet; call fit first")
        return [_joined(row[self.column]) for row in rows]


class LeadSentences(CopySource):
    """The first ``count`` sentences of the source: in news the summary to beat.

    A sentence ends at a line's end, after ``. ! ?`` before whitespace, and after ``。！？`` and their like in other
    scripts (Hindi, Urdu, Arabic, Myanmar, Khmer, Amharic); closing quotes and brackets belong to it. An abbreviation
    ("Dr. Who") therefore ends one too.
    """

    def __init__(self, *, count: int) -> None:
        super().__init__()
        if count < 1:
            raise ValueError(f"expected count of at least 1 sentence, got {count}")
        self.count = count

    def check(self, task: Task) -> None:
        """Raise ValueError for a task whose output is no text."""
        _require_writing(task, "lead")

    def predict(self, rows: Sequence[Row]) -> list[Any]:
        """The first sentences of each source, joined by spaces, or by nothing where they stood together."""
        return [_first_sentences(source, self.count) for source in super().predict(rows)]


SENTENCE = re.compile(
    r"""[^\n]+?(?:[.!?]+["'”’)\]]*(?=\s|$)|[。！？｡।॥۔؟။។៕።፧]+["'”’」』）]*|$)\s*""",
    re.MULTILINE,
)


def _first_sentences(text: str, count: int) -> str:
    """The first sentences; every kind of whitespace becomes one space."""
    return " ".join("".join(SENTENCE.findall(text)[:count]).split())


def _refuse_writing(task: Task, name: str) -> None:
    if task.generates:
        raise ValueError(
            f"{name} chooses a label, but task {task.name!r} asks for a text; model=copy and model=lead serve it"
        )


def _require_writing(task: Task, name: str) -> None:
    if not task.generates:
        raise ValueError(
            f"{name} writes a text, but task {task.name!r} asks for labels; it serves translation, summarization and "
            "correction, and model=majority serves tasks with labels"
        )


def _require(rows: Sequence[Row]) -> None:
    if not rows:
        raise ValueError("a floor expects rows to learn from, got none")


def _most_frequent(labels: Iterable[Any]) -> Any:
    """A label, or a set of labels, which is a list."""
    counts = Counter(tuple(label) if isinstance(label, list) else label for label in labels)
    label = counts.most_common(1)[0][0]
    return list(label) if isinstance(label, tuple) else label


def _one_for_each(
    regression: Any, features: Any, sets: Sequence[Sequence[str]], names: Sequence[str], weights: Mapping[str, float]
) -> list[Any]:
    """For each name what tells the rows that have it from those that have not; a constant where all have it."""
    from sklearn.base import clone
    from sklearn.dummy import DummyClassifier

    rules = []
    for name in names:
        has = [name in found for found in sets]
        weighed = clone(regression).set_params(class_weight={True: weights[name], False: 1.0} if weights else None)
        rules.append((DummyClassifier() if all(has) else weighed).fit(features, has))
    return rules


def _joined(text: str | Sequence[str]) -> str:
    """A text column may hold tokens already; the tokenizer of such data splits at whitespace again."""
    return text if isinstance(text, str) else " ".join(text)


def _ngram_range(name: str, given: Sequence[int]) -> tuple[int, int]:
    if len(given) != 2 or not 1 <= given[0] <= given[1]:
        raise ValueError(f"expected {name} as [shortest, longest] with 1 <= shortest <= longest, got {list(given)}")
    return given[0], given[1]

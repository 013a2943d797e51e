"""A bag of words does not solve the corpora: the label needs the structure of the text."""

from __future__ import annotations

from importlib import import_module

import pytest

BARS = {"classification": 0.5, "sentiment": 0.5, "matching": 0.6}


@pytest.mark.slow
@pytest.mark.parametrize("task", sorted(BARS))
def test_tfidf_and_logistic_regression_stay_below_a_bar(task: str) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    corpus = import_module(f"tasks.generated.{task}").generate(size="small", seed=1, knobs={})
    texts = {
        split: [row["text"] if "text" in row else f"{row['text_a']} / {row['text_b']}" for row in rows]
        for split, rows in corpus.items()
    }
    labels = {split: [row["label"] for row in rows] for split, rows in corpus.items()}
    model = make_pipeline(
        TfidfVectorizer(token_pattern=r"\S+", min_df=2), LogisticRegression(C=10, max_iter=60, tol=1e-2)
    )
    model.fit(texts["train"], labels["train"])
    accuracy = model.score(texts["test"], labels["test"])
    assert accuracy < BARS[task]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["ner", "events", "pos"])
def test_the_most_frequent_tag_of_a_word_is_often_wrong(task: str) -> None:
    corpus = import_module(f"tasks.generated.{task}").generate(size="small", seed=1, knobs={})
    counts: dict[str, dict[str, int]] = {}
    for row in corpus["train"]:
        for token, tag in zip(row["tokens"], row["tags"], strict=True):
            counts.setdefault(token, {}).setdefault(tag, 0)
            counts[token][tag] += 1
    best = {token: max(tags, key=lambda tag: tags[tag]) for token, tags in counts.items()}
    right = total = 0
    for row in corpus["test"]:
        for token, tag in zip(row["tokens"], row["tags"], strict=True):
            relevant = tag != "O" and (task != "pos" or len(counts.get(token, {})) > 1)
            right += relevant and best.get(token, "") == tag
            total += relevant
    assert right / total < 0.55

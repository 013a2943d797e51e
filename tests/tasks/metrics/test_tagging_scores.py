from __future__ import annotations

import random

import pytest

from tasks.metrics.tagging import span_definitions, span_scores, token_accuracy


def strict_spans(tags: list[str]) -> set[tuple[str, int, int]]:
    """Spans that begin with B- and go on with I- of the same type, read with one loop a span."""
    spans = set()
    for start, tag in enumerate(tags):
        if tag.startswith("B-"):
            end = start + 1
            while end < len(tags) and tags[end] == f"I-{tag[2:]}":
                end += 1
            spans.add((tag[2:], start, end))
    return spans


def counted(gold: list[list[str]], predicted: list[list[str]], kind: str | None = None) -> tuple[float, float, float]:
    """F1, precision and recall from sets."""
    ours = {(n, *s) for n, tags in enumerate(gold) for s in strict_spans(tags) if kind in (None, s[0])}
    theirs = {(n, *s) for n, tags in enumerate(predicted) for s in strict_spans(tags) if kind in (None, s[0])}
    right = len(ours & theirs)
    precision = right / len(theirs) if theirs else 0.0
    recall = right / len(ours) if ours else 0.0
    return (2 * right / (len(ours) + len(theirs)) if right else 0.0), precision, recall


def test_hand_counted_scores():
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG", "O", "B-PER", "O"]]
    predicted = [["B-PER", "I-PER", "O", "B-ORG"], ["B-ORG", "I-ORG", "B-PER", "O"]]
    # right: both PER; wrong type: LOC as ORG; wrong end: ORG
    scores = span_scores(gold, predicted, spans="entity")
    assert scores == pytest.approx(
        {
            "entity_f1_strict_iob2": 0.5,
            "entity_precision_strict_iob2": 0.5,
            "entity_recall_strict_iob2": 0.5,
            **{f"entity_{score}_strict_iob2/PER": 1.0 for score in ("f1", "precision", "recall")},
            **{f"entity_{score}_strict_iob2/LOC": 0.0 for score in ("f1", "precision", "recall")},
            **{f"entity_{score}_strict_iob2/ORG": 0.0 for score in ("f1", "precision", "recall")},
        }
    )


def test_an_orphan_inside_tag_begins_no_span():
    orphan = span_scores([["B-PER", "O"]], [["I-PER", "O"]], spans="entity")
    other_type = span_scores([["B-PER", "I-PER"]], [["B-PER", "I-LOC"]], spans="entity")
    assert orphan["entity_precision_strict_iob2"] == 0
    assert other_type["entity_f1_strict_iob2"] == 0


def test_types_that_differ_by_a_hyphen_are_different_types():
    gold = [["B-X", "O", "B--X", "I--X", "O", "B-X-", "B--"]]
    predicted = [["B--X", "O", "B--X", "I--X", "O", "B-X", "B--"]]
    scores = span_scores(gold, predicted, spans="entity")
    # right: -X and -; wrong: -X for X, X for X-
    assert scores["entity_f1_strict_iob2"] == 0.5
    assert scores["entity_precision_strict_iob2/-X"] == 0.5
    assert {k.partition("/")[2]: v for k, v in scores.items() if k.startswith("entity_recall_strict_iob2/")} == {
        "X": 0.0,
        "-X": 1.0,
        "X-": 0.0,
        "-": 1.0,
    }
    assert span_scores(gold, gold, spans="entity")["entity_f1_strict_iob2"] == 1


def test_adjacent_spans_of_one_type_are_two():
    scores = span_scores([["B-PER", "B-PER"]], [["B-PER", "I-PER"]], spans="entity")
    assert scores["entity_f1_strict_iob2"] == 0


def test_no_span_anywhere_scores_zero_and_warns_of_nothing():
    assert set(span_scores([["O"]], [["O"]], spans="trigger").values()) == {0.0}


@pytest.mark.parametrize("seed", range(20))
def test_scores_are_those_of_seqeval_and_of_counted_spans(seed: int):
    from seqeval.metrics import f1_score, precision_score, recall_score
    from seqeval.scheme import IOB2

    draw = random.Random(seed)
    tags = ["O", "O", "B-A", "I-A", "B-B.x", "I-B.x"]
    lengths = [draw.randint(1, 8) for _ in range(15)]
    gold, noise = ([[draw.choice(tags) for _ in range(length)] for length in lengths] for _ in range(2))
    predicted = [
        [theirs if draw.random() < 0.3 else ours for ours, theirs in zip(*pair, strict=True)]
        for pair in zip(gold, noise, strict=True)
    ]
    scores = span_scores(gold, predicted, spans="entity")
    keys = [f"entity_{score}_strict_iob2" for score in ("f1", "precision", "recall")]
    theirs = [f(gold, predicted, mode="strict", scheme=IOB2) for f in (f1_score, precision_score, recall_score)]
    assert [scores[key] for key in keys] == pytest.approx(theirs)
    assert [scores[key] for key in keys] == pytest.approx(counted(gold, predicted))
    for kind in ("A", "B.x"):
        assert [scores[f"{key}/{kind}"] for key in keys] == pytest.approx(counted(gold, predicted, kind))


def test_token_accuracy_weighs_tokens_not_texts():
    assert token_accuracy([["A", "B", "A"], ["B"]], [["A", "B", "B"], ["A"]]) == 2 / 4


@pytest.mark.parametrize("score", [token_accuracy, lambda *texts: span_scores(*texts, spans="entity")])
def test_lengths_must_agree(score):
    with pytest.raises(ValueError, match="expected one predicted tag a token, got 1 for 2 in text 1"):
        score([["O"], ["O", "O"]], [["O"], ["O"]])
    with pytest.raises(ValueError, match="expected predictions for at least one text, got 0 for 1 texts"):
        score([["O"]], [])


def test_every_score_has_a_definition_with_the_library_and_its_version():
    definitions = span_definitions("trigger")
    scores = span_scores([["B-A"]], [["B-A"]], spans="trigger")
    assert {key.split("/")[0] for key in scores} == set(definitions)
    assert all("seqeval 1.2.2, mode=strict, scheme=IOB2" in definition for definition in definitions.values())

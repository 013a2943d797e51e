"""Labels mean what the grammars say: interpreters that know only the written rules read the texts again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import pytest

from tasks.generated import classification, events, matching, ner, pos, sentiment
from tasks.generated.base import Stream, draw_links, follow, generate_splits

ORDER = ("very negative", "negative", "neutral", "positive", "very positive")


READ = {"read": {"train": 600, "validation": 0, "test": 300}}
"""The first rows, as every larger size has them."""


def rows(task: str, **knobs: float) -> list[dict[str, Any]]:
    module = import_module(f"tasks.generated.{task}")
    known, values = module.KNOBS, {"noise": 0, **knobs}
    corpus = generate_splits(task, module._draw_row, size="read", seed=3, knobs=values, known=known, sizes=READ)
    return [*corpus["train"], *corpus["test"]]


def clauses(text: str) -> Iterator[list[str]]:
    for clause in text.split(" ."):
        if clause.split():
            yield clause.split()


@pytest.mark.parametrize(
    ("phrase", "value"),
    [
        ("good", 1),
        ("superb", 2),
        ("average", 0),
        ("very good", 2),
        ("very average", 0),
        ("rather terrible", -1),
        ("not good", -1),
        ("not bad", 1),
        ("not superb", 0),
        ("not very good", 0),
        ("not rather awful", 1),
    ],
)
def test_a_judgement_has_the_value_of_its_parts(phrase: str, value: int) -> None:
    assert sentiment.value_of(phrase.split()) == value


def judged(words: list[str]) -> int:
    for joint in ("but", "yet"):
        if joint in words:
            return sentiment.value_of(words[words.index(joint) + 1 :])
    for joint in ("though", "although"):
        if joint in words:
            return sentiment.value_of(words[: words.index(joint)])
    return sentiment.value_of(words)


def test_sentiment_is_the_judgement_of_the_aspect_asked_for() -> None:
    for row in rows("sentiment"):
        said = list(clauses(row["text"]))
        (asked,) = [words[-1] for words in said if words[0] in ("about", "judge")]
        (judgement,) = [words[1:] for words in said if words[0] == asked]
        while judgement[0] == "like":
            (judgement,) = [words[1:] for words in said if words[0] == judgement[1]]
        assert ORDER[judged(judgement) + 2] == row["label"], row


@pytest.mark.slow
def test_held_out_phrases_occur_in_test_but_not_in_train() -> None:
    corpus = sentiment.generate(size="small", seed=3, knobs={"noise": 0, "contrast": 0, "unseen": 0.3})
    phrases = {
        split: {tuple(words[1:]) for row in rows for words in clauses(row["text"]) if words[-1] in sentiment.ADJECTIVES}
        for split, rows in corpus.items()
    }
    assert not any(sentiment.held_out(phrase, 0.3) for phrase in phrases["train"])
    assert any(sentiment.held_out(phrase, 0.3) for phrase in phrases["test"])


def test_knobs_of_sentiment_switch_negation_and_contrast_off() -> None:
    for row in rows("sentiment", negation=0, contrast=0):
        assert not {*sentiment.NEGATIONS, *sentiment.BUT, *sentiment.THOUGH} & set(row["text"].split())


def meaning(inventory: Mapping[str, tuple[str, ...]], words: list[str]) -> str:
    (found,) = [name for name, forms in inventory.items() if set(forms) & set(words)]
    return found


def test_intent_is_the_request_of_the_person_who_counts() -> None:
    for row in rows("classification"):
        requests, others, chosen = {}, {}, ""
        for words in clauses(row["text"]):
            if words[0] in ("do", "not"):
                chosen = words[1] if words[0] == "do" else words[-1]
            elif words[1] == "as":
                others[words[0]] = words[2]
            elif set(words) & set(classification.PEOPLE):
                (person,) = set(words) & set(classification.PEOPLE)
                requests[person] = f"{meaning(classification.ACTIONS, words)}_{meaning(classification.OBJECTS, words)}"
        assert requests[follow(chosen, others)] == row["label"], row


def test_matching_follows_from_the_facts() -> None:
    value_of = {
        form: value for values in matching.PROPERTIES.values() for value, forms in values.items() for form in forms
    }
    verb_of = {"with": "at", "like": "has"}
    verb_of |= {value: verb for verb, values in matching.PROPERTIES.items() for value in values}
    for row in rows("matching", negation=0.4, shared=0.5):
        said = [words for words in clauses(row["text_a"]) if words[0] in matching.PEOPLE]
        (topic,) = [words[1] for words in clauses(row["text_a"]) if words[0] == "about"]
        known = {(who, verb_of[value_of[what]]): value_of[what] for who, what, *_ in said if what in value_of}
        for who, what, *other in said:
            if what not in value_of:
                known[who, verb_of[what]] = known[other[0], verb_of[what]]
        ((_, *denial, verb, claimed),) = clauses(row["text_b"])
        if (topic, verb) not in known:
            assert row["label"] == "neutral", row
        else:
            holds = (known[topic, verb] == value_of[claimed]) != (denial == ["not"])
            assert row["label"] == ("entailment" if holds else "contradiction"), row


def test_a_name_has_the_type_of_its_introduction() -> None:
    kind_of = {cue: kind for kind, cues in ner.CUES.items() for cue in cues}
    for row in rows("ner", distance=0):
        types: dict[str, str] = {}
        for index, (token, tag) in enumerate(zip(row["tokens"], row["tags"], strict=True)):
            if tag[0] == "B":
                assert types.setdefault(token.lower(), tag[2:]) == tag[2:], row
            if token in kind_of:
                start = index - row["tokens"][:index][::-1].index(".") if "." in row["tokens"][:index] else 0
                (introduced,) = [
                    other for other in row["tags"][start : row["tokens"].index(".", index)] if other[0] == "B"
                ]
                assert introduced[2:] == kind_of[token], row


def test_lower_case_mentions_can_be_switched_off() -> None:
    for row in rows("ner", lowercase=0):
        assert all(token[0].isupper() for token, tag in zip(row["tokens"], row["tags"], strict=True) if tag != "O")


def test_a_word_has_one_reading_in_a_text() -> None:
    readings: dict[str, set[str]] = {}
    for row in rows("pos", distance=0):
        here: dict[str, str] = {}
        for token, tag in zip(row["tokens"], row["tags"], strict=True):
            if token in pos.AMBIGUOUS:
                assert here.setdefault(token, tag) == tag, row
                readings.setdefault(token, set()).add(tag)
    assert all(seen == {"NOUN", "VERB", "ADJ"} for seen in readings.values())


def test_a_word_introduced_by_another_one_has_its_reading() -> None:
    seen = 0
    for row in rows("pos", distance=0, noise=0):
        reading = {word.lower(): tag for word, tag in zip(row["tokens"], row["tags"], strict=True)}
        for word, link, other in zip(row["tokens"], row["tokens"][1:], row["tokens"][2:], strict=False):
            if link == "like":
                assert reading[word.lower()] == reading[other], row
                seen += 1
    assert seen > 100


def test_suffixes_give_invented_words_away() -> None:
    for row in rows("pos", unseen=0, distance=6, length=1, mentions=1):
        for token, tag in zip(row["tokens"], row["tags"], strict=True):
            for kind, suffixes in pos.SUFFIXES.items():
                if len(token) > 8 and token.endswith(suffixes):
                    assert tag == kind, (token, tag)


def test_an_event_has_the_type_of_its_participant_and_happened() -> None:
    kind_of = {role.split()[-1]: kind for kind, roles in events.ROLES.items() for role in roles}
    clear = {word: kind for kind, triggers in events.CLEAR.items() for trigger in triggers for word in [trigger]}
    for row in rows("events", distance=0, company=0):
        text = " ".join(row["tokens"])
        roles: dict[str, str] = {}
        at = 0
        for sentence in text.split(" ."):
            found = sentence.split()
            tags = row["tags"][at : at + len(found)]
            at += len(found) + 1
            if found and found[-1] in kind_of:
                roles[found[0]] = kind_of[found[-1]]
            elif found:
                happened = not {"never", "nobody", "Nobody", "Maybe"} & set(found)
                (name,) = set(found) & set(roles)
                ((trigger, kind),) = [
                    (trigger, clear.get(trigger, roles[name]))
                    for trigger in (*events.AMBIGUOUS, *clear)
                    if f" {trigger} " in f" {' '.join(found)} "
                ]
                expected = kind if happened and roles[name] else ""
                length = len(trigger.split())
                assert [tag for tag in tags if tag != "O"] == (
                    [f"B-{expected}", *[f"I-{expected}"] * (length - 1)] if expected else []
                ), row


def test_all_triggers_are_clear_where_none_is_ambiguous() -> None:
    for row in rows("events", ambiguous=0):
        assert not {"struck", "moved", "closed", "pressed"} & {
            token for token, tag in zip(row["tokens"], row["tags"], strict=True) if tag != "O"
        }


def test_a_person_like_another_acts_as_the_other_does() -> None:
    kind_of = {role.split()[-1]: kind for kind, roles in events.ROLES.items() for role in roles}
    for row in rows("events", distance=0, ambiguous=1, unrealised=0):
        said = [sentence.split() for sentence in " ".join(row["tokens"]).split(" .") if sentence.split()]
        others = {words[0]: words[2] for words in said if words[1] == "like"}
        roles = {words[0]: kind_of[words[-1]] for words in said if words[-1] in kind_of}
        tags = iter(row["tags"])
        for words in said:
            found = [tag[2:] for tag in [next(tags) for _ in [*words, "."]] if tag[0] == "B"]
            (name,) = {*words} & {*others, *roles} if words[1] != "like" else {words[0]}
            expected = roles[follow(name, others)]
            introduces = words[1] == "like" or words[-1] in kind_of
            assert found == ([] if introduces or not expected else [expected]), row


def test_aliases_have_the_type_of_the_name_they_stand_for() -> None:
    for row in rows("ner", distance=0, lowercase=0):
        types = {token: tag[2:] for token, tag in zip(row["tokens"], row["tags"], strict=True) if tag[0] == "B"}
        for index, token in enumerate(row["tokens"]):
            if token == "as":
                start = max(i for i, tag in enumerate(row["tags"][:index]) if tag[0] == "B")
                assert types[row["tokens"][start]] == types[row["tokens"][index + 1]], row


def test_references_end_and_none_goes_round_in_a_circle() -> None:
    names = ("a", "b", "c", "d")
    depths = set()
    for number in range(50):
        links = draw_links(Stream(number), names, 0.9)
        assert all(follow(name, links) not in links for name in names)
        depths.add(sum(name in links for name in names))
        assert not draw_links(Stream(number), names, 0)
    assert max(depths) == 3

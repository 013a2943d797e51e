from __future__ import annotations

from itertools import pairwise, product

import pytest
import torch

from tasks.base import IGNORED, Encoded
from tasks.heads.losses import LabelLoss
from tasks.heads.tagging import TaggingHead
from tasks.labels.bio import OUTSIDE, may_follow

WIDTH = 4
BIO = ["O", "B-A", "I-A", "B-B", "I-B"]


def make_head(scheme: str, *, labels: list[str] = BIO, bio: bool = True) -> TaggingHead:
    return TaggingHead(WIDTH, labels=labels, bio=bio, scheme=scheme, learning=LabelLoss(), dropout=0.0)


def text(lengths: list[int]) -> Encoded:
    mask_BT = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return Encoded(torch.randn(*mask_BT.shape, WIDTH), mask_BT)


def is_valid(tags: list[str]) -> bool:
    return all(may_follow(previous, tag) for previous, tag in zip([OUTSIDE, *tags], tags, strict=False))


@pytest.mark.parametrize("scheme", ["crf", "constrained"])
def test_decoding_never_yields_invalid_bio(scheme: str):
    for seed in range(20):
        torch.manual_seed(seed)
        head, encoded = make_head(scheme), text([6, 1, 4, 3])
        predicted = head.predict([encoded._replace(states_BTD=10 * encoded.states_BTD)])
        assert [len(tags) for tags in predicted] == [6, 1, 4, 3]
        assert all(is_valid([BIO[tag] for tag in tags]) for tags in predicted)


def test_a_plain_softmax_does_yield_invalid_bio():
    torch.manual_seed(1)
    predicted = make_head("softmax").predict([text([6] * 20)])
    assert not all(is_valid([BIO[tag] for tag in tags]) for tags in predicted)


def test_constrained_decoding_finds_the_most_probable_valid_sequence():
    torch.manual_seed(1)
    head, encoded = make_head("constrained"), text([4, 4, 4])
    log_p_BTK = head([encoded]).log_softmax(-1)
    valid = [tags for tags in product(range(len(BIO)), repeat=4) if is_valid([BIO[tag] for tag in tags])]
    for row, predicted in enumerate(head.predict([encoded])):
        best = max(valid, key=lambda tags: sum(log_p_BTK[row, t, tag].item() for t, tag in enumerate(tags)))
        assert predicted == list(best)


def test_constrained_decoding_learns_no_transitions():
    head, encoded = make_head("constrained"), text([3])
    head.loss([encoded], torch.tensor([[1, 2, 0]])).backward()
    assert {name for name, p in head.named_parameters() if p.requires_grad} == {"emissions.weight", "emissions.bias"}
    assert all(p.grad is not None for p in head.parameters() if p.requires_grad)


@pytest.mark.parametrize("scheme", ["softmax", "constrained"])
def test_the_loss_of_softmax_training_is_the_mean_over_real_tokens(scheme: str):
    head, encoded = make_head(scheme), text([3, 1])
    labels = torch.tensor([[1, 2, 0], [0, IGNORED, IGNORED]])
    log_p_BTK = head([encoded]).log_softmax(-1)
    by_hand = -sum(log_p_BTK[b, t, labels[b, t]].item() for b, t in ((0, 0), (0, 1), (0, 2), (1, 0))) / 4
    assert head.loss([encoded], labels).item() == pytest.approx(by_hand, rel=1e-5)


@torch.no_grad()
def test_the_loss_of_the_crf_is_a_token_too_and_counts_valid_sequences_only():
    head, encoded = make_head("crf"), text([3, 1])
    labels = torch.tensor([[1, 2, 0], [0, IGNORED, IGNORED]])
    emissions_BTK, crf = head([encoded]), head.crf

    def score(row: int, tags: tuple[int, ...]) -> float:
        total = crf.start[tags[0]] + crf.end[tags[-1]] + sum(emissions_BTK[row, t, tag] for t, tag in enumerate(tags))
        return float(total + sum(crf.transitions[i, j] for i, j in pairwise(tags)))

    by_hand = 0.0
    for row, gold in enumerate([(1, 2, 0), (0,)]):
        paths = [p for p in product(range(len(BIO)), repeat=len(gold)) if is_valid([BIO[tag] for tag in p])]
        by_hand += torch.tensor([score(row, p) for p in paths]).logsumexp(0).item() - score(row, gold)
    assert head.loss([encoded], labels).item() == pytest.approx(by_hand / 4, rel=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("scheme", ["crf", "constrained", "softmax"])
def test_probabilities_of_tags_are_marginals_over_the_sequences_that_the_scheme_holds_possible(scheme: str):
    torch.manual_seed(2)
    head, encoded, lengths = make_head(scheme), text([4, 1]), [4, 1]
    emissions_BTK, crf = head([encoded]), head.crf
    by_hand = torch.zeros_like(emissions_BTK)
    for row, length in enumerate(lengths):
        paths = list(product(range(len(BIO)), repeat=length))
        if scheme != "softmax":
            paths = [path for path in paths if is_valid([BIO[tag] for tag in path])]
        scores = torch.tensor([sum(emissions_BTK[row, t, tag] for t, tag in enumerate(path)) for path in paths])
        if scheme == "crf":
            scores += torch.tensor([crf.start[path[0]] + crf.end[path[-1]] for path in paths])
            scores += torch.tensor([sum(crf.transitions[i, j] for i, j in pairwise(path)) for path in paths])
        for path, probability in zip(paths, scores.softmax(0), strict=True):
            for t, tag in enumerate(path):
                by_hand[row, t, tag] += probability
    torch.testing.assert_close(head.probabilities([encoded]), by_hand, rtol=1e-4, atol=1e-6)


@torch.inference_mode()
@pytest.mark.parametrize("scheme", ["crf", "constrained", "softmax"])
def test_tags_chosen_by_probabilities_are_the_best_sequence_that_the_scheme_allows(scheme: str):
    torch.manual_seed(2)
    head, encoded = make_head(scheme), text([4, 1])
    probabilities_BTK = torch.rand(2, 4, len(BIO)).softmax(dim=-1)
    for row, (length, found) in enumerate(zip([4, 1], head.choose(probabilities_BTK, encoded.mask_BT), strict=True)):
        paths = list(product(range(len(BIO)), repeat=length))
        if scheme != "softmax":
            paths = [path for path in paths if is_valid([BIO[tag] for tag in path])]
        values = [
            float(torch.tensor([probabilities_BTK[row, t, tag] for t, tag in enumerate(path)]).prod()) for path in paths
        ]
        assert tuple(found) == paths[values.index(max(values))]


@torch.inference_mode()
@pytest.mark.parametrize("scheme", ["crf", "constrained", "softmax"])
def test_the_best_sequences_are_ranked(scheme: str):
    torch.manual_seed(2)
    head, encoded = make_head(scheme), text([4, 1])
    for best, ranked in zip(head.predict([encoded]), head.ranked([encoded], 3), strict=True):
        assert ranked[0][0] == best
        assert [score for _, score in ranked] == sorted((score for _, score in ranked), reverse=True)


def test_a_predicted_tag_is_as_confident_as_its_marginal():
    torch.manual_seed(2)
    head, encoded = make_head("crf"), text([4, 1])
    predicted = head.predict([encoded])
    p_BTK = head.probabilities([encoded])
    found = head.confidences([encoded], predicted)
    for row, tags in enumerate(predicted):
        assert found[row] == pytest.approx([p_BTK[row, t, tag].item() for t, tag in enumerate(tags)])


def test_without_bio_a_crf_forbids_nothing():
    head = make_head("crf", labels=["NOUN", "VERB"], bio=False)
    assert not head.crf.forbidden_transitions.any()
    assert not head.crf.forbidden_start.any()


@pytest.mark.parametrize("scheme", ["crf", "constrained", "softmax"])
def test_it_can_be_made_on_the_meta_device(scheme: str):
    with torch.device("meta"):
        head = make_head(scheme)
    assert {value.device.type for value in (*head.parameters(), *head.buffers())} == {"meta"}


def test_unknown_schemes_are_refused():
    with pytest.raises(ValueError, match=r"expected task\.scheme to be one of crf, softmax, constrained, got 'best'"):
        make_head("best")
    with pytest.raises(ValueError, match=r"task\.scheme=constrained needs BIO tags"):
        make_head("constrained", labels=["NOUN"], bio=False)

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy, layer_norm

from models.attention.base import Attention, Site
from models.attention.dot import DotAttention
from models.attention.uniform import UniformAttention
from tasks.base import Encoded
from tasks.heads.label_sets import LabelSetHead
from tasks.heads.losses import LabelLoss
from tasks.heads.pooled import PooledHead

WIDTH, LABELS = 6, 3


def mean(site: Site) -> UniformAttention:
    return UniformAttention(site, reduce="mean")


def make_head(*, texts: int, attention=mean, label_smoothing: float = 0.0, hidden: int = 5) -> PooledHead:
    torch.manual_seed(1)
    return PooledHead(
        WIDTH,
        label_count=LABELS,
        attention=attention,
        texts=texts,
        hidden=hidden,
        dropout=0.0,
        learning=LabelLoss(label_smoothing=label_smoothing),
    )


def text(lengths: list[int]) -> Encoded:
    longest = max(lengths)
    mask_BT = torch.arange(longest) < torch.tensor(lengths)[:, None]
    return Encoded(torch.randn(len(lengths), longest, WIDTH), mask_BT)


def normalized(encoded: Encoded, row: int, length: int) -> torch.Tensor:
    return layer_norm(encoded.states_BTD[row, :length], (WIDTH,))


@pytest.mark.parametrize("attention", [mean, None])
def test_a_single_text_is_read_as_what_the_mechanism_returns_of_normalised_states_or_as_their_mean(attention):
    head, encoded = make_head(texts=1, attention=attention), text([3, 1])
    by_hand = torch.stack([normalized(encoded, 0, 3).mean(0), normalized(encoded, 1, 1)[0]])
    torch.testing.assert_close(head.read([encoded]), by_hand)


def test_without_attention_there_is_no_query_and_the_head_says_so():
    head = make_head(texts=1, attention=None)
    assert head.query_D is None
    assert not any(isinstance(module, Attention) for module in head.modules())
    assert head.note == "none: the mean of the states is the text's vector"


def test_the_query_starts_as_a_normalised_state_does():
    torch.manual_seed(0)
    head = PooledHead(500, label_count=2, attention=mean, texts=1, hidden=0, dropout=0.0, learning=LabelLoss())
    assert head.query_D.std().item() == pytest.approx(1.0, abs=0.1)


def test_a_pair_is_read_as_both_vectors_their_distance_and_their_product():
    head, first, second = make_head(texts=2), text([3]), text([4])
    read = head.read([first, second])[0].tolist()
    u, v = (normalized(encoded, 0, length).mean(0).tolist() for encoded, length in ((first, 3), (second, 4)))
    by_hand = [*u, *v, *(abs(x - y) for x, y in zip(u, v, strict=True)), *(x * y for x, y in zip(u, v, strict=True))]
    assert read == pytest.approx(by_hand, abs=1e-6)


def test_without_hidden_units_the_logits_are_linear_in_what_is_read():
    head, encoded = make_head(texts=1, hidden=0), text([3, 1])
    (linear,) = (module for module in head.perceptron if isinstance(module, torch.nn.Linear))
    assert linear.weight.shape == (LABELS, WIDTH)
    torch.testing.assert_close(head([encoded]), head.read([encoded]) @ linear.weight.T + linear.bias)


def test_the_query_pools_by_the_mechanism_at_a_pooling_site():
    sites = []

    def dot(site: Site) -> DotAttention:
        sites.append(site)
        return DotAttention(site, heads=1, scale=False, normalizer="softmax", dropout=0.0)

    head, encoded = make_head(texts=1, attention=dot), text([4, 2])
    torch.nn.init.normal_(head.query_D)
    assert sites == [Site(kind="pooling", width=WIDTH)]
    for row, length in enumerate((4, 2)):
        states = normalized(encoded, row, length)
        weights = torch.stack([state @ head.query_D for state in states]).softmax(0)
        by_hand = sum(weight * state for weight, state in zip(weights, states, strict=True))
        torch.testing.assert_close(head.pool(encoded)[row], by_hand)


def test_padding_changes_nothing():
    head, encoded = make_head(texts=1), text([2, 4])
    alone = Encoded(encoded.states_BTD[:1, :2], encoded.mask_BT[:1, :2])
    torch.testing.assert_close(head([encoded])[0], head([alone])[0])


def test_the_loss_is_the_smoothed_cross_entropy():
    head, encoded, labels = make_head(texts=1, label_smoothing=0.4), text([2, 3]), torch.tensor([2, 0])
    log_p_BL = head([encoded]).log_softmax(-1)
    by_hand = 0.0
    for row, label in enumerate(labels.tolist()):
        for k in range(LABELS):
            target = 0.4 / LABELS + (0.6 if k == label else 0.0)
            by_hand -= target * log_p_BL[row, k].item() / 2
    assert head.loss([encoded], labels).item() == pytest.approx(by_hand, rel=1e-5)
    assert by_hand != pytest.approx(cross_entropy(head([encoded]), labels).item(), rel=1e-3)


def test_predictions_are_the_most_probable_labels():
    head, encoded = make_head(texts=1), text([2, 3, 1])
    assert head.predict([encoded]) == [max(range(LABELS), key=row.__getitem__) for row in head([encoded]).tolist()]


def test_probabilities_are_those_that_the_loss_is_the_logarithm_of():
    head, encoded = make_head(texts=1), text([3, 1, 2])
    probabilities_BL = head.probabilities([encoded])
    torch.testing.assert_close(probabilities_BL.sum(1), torch.ones(3))
    assert probabilities_BL.argmax(1).tolist() == head.predict([encoded])
    labels = torch.tensor([0, 2, 1])
    assert head.loss([encoded], labels).item() == pytest.approx(
        -probabilities_BL[range(3), labels].log().mean().item(), rel=1e-5
    )


def test_probabilities_of_several_labels_are_each_for_itself():
    torch.manual_seed(1)
    head = LabelSetHead(WIDTH, label_count=LABELS, attention=mean, texts=1, hidden=5, dropout=0.0, learning=LabelLoss())
    encoded = text([3, 1])
    probabilities_BL, wanted_BL = head.probabilities([encoded]), torch.tensor([[1, 0, 1], [0, 0, 0]])
    of_gold_BL = torch.where(wanted_BL == 1, probabilities_BL, 1 - probabilities_BL)
    assert head.loss([encoded], wanted_BL).item() == pytest.approx(-of_gold_BL.log().sum(1).mean().item(), rel=1e-5)
    assert head.predict([encoded]) == [[n for n, p in enumerate(row) if p > 0.5] for row in probabilities_BL.tolist()]


@torch.no_grad()
def test_a_prediction_is_as_confident_as_the_probability_of_what_it_says():
    head, encoded = make_head(texts=1), text([3, 1, 2])
    p_BL = head.probabilities([encoded])
    assert head.confidences([encoded], head.predict([encoded])) == pytest.approx(p_BL.amax(1).tolist())
    sets = LabelSetHead(WIDTH, label_count=LABELS, attention=mean, texts=1, hidden=5, dropout=0.0, learning=LabelLoss())
    p_BL = sets.probabilities([encoded])
    by_hand = [(1 - p_BL[0]).prod(), p_BL[1, 0] * (1 - p_BL[1, 1]) * p_BL[1, 2], p_BL[2].prod()]
    assert sets.confidences([encoded], [[], [0, 2], [0, 1, 2]]) == pytest.approx([float(p) for p in by_hand])


def test_another_number_of_texts_is_refused():
    with pytest.raises(ValueError, match="expected 1 or 2 texts to pool, got 3"):
        make_head(texts=3)
    with pytest.raises(ValueError, match=r"this head reads 2 text\(s\) an example, got 1"):
        make_head(texts=2)([text([2])])

"""A pretrained encoder as a part of the embedding: the mix of layers, states that come, pieces that are read."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from models.architecture import Architecture
from models.embeddings import IdCounts
from models.pieces import TokenPieces, TokenStates, changed
from models.pretrained import LayerMix, PretrainedEncoder

SIZES = IdCounts(vocabulary=9, characters=7, ngram_buckets=11, encoder=Architecture({}, width=4, depth=2))


class Texts:
    """What the part asks of texts."""

    def __init__(self, pretrained):
        self.pretrained = pretrained


def part(**changes) -> PretrainedEncoder:
    return PretrainedEncoder(SIZES, **{"layers": "mix", "pieces": "mean", "fine_tune": False, "half": False, **changes})


def states(kind=torch.float32) -> TokenStates:
    return TokenStates(torch.tensor([[0, 1], [2, 0]]), torch.randn(3, 3, 4).to(kind))


def test_the_mix_is_equation_one_of_elmo():
    mix, given = LayerMix(3), torch.randn(5, 3, 4)
    torch.testing.assert_close(mix(given), given.mean(dim=1))  # before training
    with torch.no_grad():
        mix.scores_J.copy_(torch.tensor([0.3, -1.0, 2.0]))
        mix.gamma.fill_(1.7)
    shares = [torch.tensor(score).exp() for score in (0.3, -1.0, 2.0)]
    for token in range(5):
        by_hand = sum(share / sum(shares) * given[token, layer] for layer, share in enumerate(shares))
        torch.testing.assert_close(mix(given)[token], 1.7 * by_hand)
    torch.testing.assert_close(mix.of_layers(list(given.unbind(1))), mix(given))
    mix(given).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in mix.parameters())


def test_states_of_a_batch_stand_where_their_tokens_do():
    given = states()
    x_BTD = part(layers="last")(Texts(given))
    assert torch.equal(x_BTD[0], given.states_KJD[:2, -1])
    assert torch.equal(x_BTD[1, 0], given.states_KJD[2, -1])
    assert list(part(layers="last").parameters()) == []
    assert part()(Texts(states(torch.float16))).dtype == torch.float32


class Counting(nn.Module):
    """A network whose layers are the ids of the pieces, doubled from layer to layer."""

    def forward(self, input_ids, attention_mask, output_hidden_states, return_dict):
        first = input_ids[..., None].float().expand(*input_ids.shape, 4)
        layers = (first, 2 * first, 4 * first)

        class Found:
            hidden_states, last_hidden_state = layers, layers[-1]

        return Found


@pytest.mark.parametrize(("layers", "factor"), [("last", 4), ("mix", 7 / 3)])
def test_pieces_are_read_by_the_network_and_averaged(layers, factor):
    given = TokenPieces(
        places_BT=torch.tensor([[0, 1]]),
        ids_WP=torch.tensor([[2, 10, 20, 31, 3]]),
        mask_WP=torch.ones(1, 5, dtype=torch.bool),
        members_M=torch.tensor([1, 2, 3]),
        offsets_K=torch.tensor([0, 2]),
    )
    made = part(layers=layers)
    made.network = Counting()
    torch.testing.assert_close(made(Texts(given))[0, :, 0], factor * torch.tensor([15.0, 31.0]))
    with pytest.raises(ValueError, match="expected states for a frozen encoder, got pieces"):
        part()(Texts(given))


def test_what_was_not_encoded_with_the_encoder_is_refused():
    with pytest.raises(ValueError, match="states or pieces of the pretrained encoder, got none"):
        part()(Texts(None))
    with pytest.raises(ValueError, match="an encoder is read from a folder"):
        PretrainedEncoder(SIZES._replace(encoder=None), layers="mix", pieces="mean", fine_tune=False, half=False)
    with pytest.raises(ValueError, match="keeps frozen states in 16 bits"):
        part(fine_tune=True, half=True)


def test_what_is_stretched_repeats_and_what_is_changed_stays_what_it_is():
    longer = states().stretched(7)
    assert longer.places_BT.tolist() == [[0, 1, 2, 3, 4, 5, 6]]
    assert torch.equal(longer.states_KJD[3], longer.states_KJD[0])
    moved = changed(states(), lambda tensor: tensor + 1, only="places_BT")
    assert moved.places_BT.tolist() == [[1, 2], [3, 1]]

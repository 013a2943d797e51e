"""A pretrained encoder as a part of the token embedding: frozen states that the batch brings, or a network that learns.

B texts, T positions, K real tokens of the batch, J layers, W windows, P pieces of a window, D width
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.architecture import Architecture, layer_states
from models.embeddings import IdCounts, TextTensors
from models.pieces import TokenPieces, TokenStates

Layers = Literal["mix", "last"]
Pooling = Literal["mean", "first"]


class LayerMix(nn.Module):
    """``gamma * sum_j softmax(s)_j h_j`` over the layers j (Peters et al. 2018, equation 1, https://arxiv.org/abs/1802.05365).

    Starts as the mean of the layers.
    """

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.scores_J = nn.Parameter(torch.zeros(layers))
        self.gamma = nn.Parameter(torch.ones(1))

    @property
    def weights_J(self) -> Tensor:
        """What each layer counts; they sum to gamma."""
        return self.gamma * self.scores_J.softmax(dim=0)

    def forward(self, states_KJD: Tensor) -> Tensor:
        """The mixed states, (K, D)."""
        return torch.einsum("kjd,j->kd", states_KJD, self.weights_J)

    def of_layers(self, states: Sequence[Tensor]) -> Tensor:
        """The same of the states of the layers one by one, each of any shape."""
        return torch.stack([weight * layer for weight, layer in zip(self.weights_J, states, strict=True)]).sum(dim=0)


class PretrainedEncoder(nn.Module):
    """The states of a pretrained encoder as vectors of the tokens.

    ``layers``: ``mix`` of all (``LayerMix``), or the ``last``. ``pieces``: the vector of a word that is read in several
    is the ``mean`` of their states, or the ``first``.
    ``fine_tune``: whether the encoder learns with the rest, at ``training.encoder_learning_rate``; if not, it is no
    part of the network, and batches bring its states. ``half``: whether these are kept in 16 bits.

    Raises ValueError where the sizes name no encoder, and for 16 bits of states that are not kept.
    """

    reads_path: ClassVar[bool] = True

    def __init__(self, sizes: IdCounts, *, layers: Layers, pieces: Pooling, fine_tune: bool, half: bool) -> None:
        super().__init__()
        if sizes.encoder is None:
            raise ValueError(
                "an encoder is read from a folder; name it with embedding.path, which embedding=encoder has"
            )
        if fine_tune and half:
            raise ValueError(
                "embedding.parts.encoder.half keeps frozen states in 16 bits, and fine_tune=true keeps none; set one "
                "of them to false (trainer=bf16 computes in 16 bits)"
            )
        architecture: Architecture = sizes.encoder
        self.width = architecture.width
        self.network = architecture.build() if fine_tune else None
        self.mix = LayerMix(architecture.depth + 1) if layers == "mix" else None

    def forward(self, texts: TextTensors) -> Tensor:
        """The vectors of the tokens, (B, T, width); at padding those of some token.

        Raises ValueError for a batch that was encoded without the encoder.
        """
        given = texts.pretrained
        if given is None:
            raise ValueError("expected a batch with states or pieces of the pretrained encoder, got none of either")
        states_KD = self._kept(given) if isinstance(given, TokenStates) else self._computed(given)
        return F.embedding(given.places_BT, states_KD)

    def _kept(self, given: TokenStates) -> Tensor:
        states_KJD = given.states_KJD.to(torch.get_default_dtype())
        mixed_KD: Tensor = states_KJD[:, -1] if self.mix is None else self.mix(states_KJD)
        return mixed_KD

    def _computed(self, given: TokenPieces) -> Tensor:
        if self.network is None:
            raise ValueError("expected states for a frozen encoder, got pieces; encode the texts with fine_tune=false")
        states = layer_states(self.network, given.ids_WP, given.mask_WP, last=self.mix is None)
        return given.pooled(states[0] if self.mix is None else self.mix.of_layers(states))

"""The weights that learning starts from: one rule for all mechanisms and sites, so that no draw decides a comparison.

Two promises, for states that are normalised (entries of mean zero and variance one):

    a projection keeps their spread     each matrix is drawn after Glorot, biases are zero
    a score has a spread of one         over the keys of a query, which is what a softmax sees

Drawn as ``nn.Linear`` draws its own, scores would start with a third of that or far less, and attention would find
late, or never, what it should look at. Glorot and Bengio 2010, equation 16,
https://proceedings.mlr.press/v9/glorot10a.html; for attention so in the code of Vaswani et al. 2017 (tensor2tensor).

A mechanism of one's own keeps the rule by building on ``models.multihead`` and ``models.scores``, or on ``projection``
and ``uniform`` here.
"""

from __future__ import annotations

import math

import torch
from torch import nn


def projection(inputs: int, outputs: int, *, matrices: int = 1, bias: bool = False) -> nn.Linear:
    """``matrices`` learned maps from ``inputs`` to ``outputs`` channels side by side in one layer, each drawn alone."""
    layer = nn.Linear(inputs, matrices * outputs, bias=bias)
    for matrix in layer.weight.chunk(matrices):
        nn.init.xavier_uniform_(matrix)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def uniform(*shape: int, std: float) -> nn.Parameter:
    """A parameter whose entries are uniform around zero with this standard deviation."""
    bound = math.sqrt(3) * std
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))

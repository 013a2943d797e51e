"""The feed-forward layer of a block: what each position makes of itself after it has looked at others.

B texts, T positions, D width
"""

from __future__ import annotations

from torch import Tensor, nn


class FeedForward(nn.Module):
    """``x + dropout(W_2 dropout(gelu(W_1 norm(x))))``, position by position.

    Vaswani et al. 2017, section 3.3, https://arxiv.org/abs/1706.03762. Differs from the paper: GELU for ReLU, and
    the normalisation comes first.
    """

    def __init__(self, width: int, *, feedforward_width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, feedforward_width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(feedforward_width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x_BTD: Tensor) -> Tensor:
        """The states with the layer's result added, (B, T, width)."""
        change_BTD: Tensor = self.layers(x_BTD)
        return x_BTD + change_BTD

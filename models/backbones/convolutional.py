"""A stack of residual convolutions: states see ``layers * (kernel - 1) / 2`` tokens to each side.

B texts, T positions, D width
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from models.attention.base import External
from models.backbones.base import AttentionFactory, Encoder, PositionFactory, Top, input_position
from models.joins import JoinName


class GatedConvolution(nn.Module):
    """``x + dropout(glu(conv(norm(x))))``, as long as its input; padded positions enter as zeros.

    Gehring et al. 2017 (ConvS2S), section 3.2, https://arxiv.org/abs/1705.03122. Differs from the paper: layer
    normalisation before the convolution in place of weight normalisation and of the factor sqrt(1/2).
    """

    def __init__(self, width: int, *, kernel: int, dropout: float) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"backbone.kernel expects an odd number, got {kernel}; use {kernel + 1}")
        self.norm = nn.LayerNorm(width)
        self.convolution = nn.Conv1d(width, 2 * width, kernel, padding=kernel // 2)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """The states with what the filters saw added, (B, T, width)."""
        visible_BTD = self.norm(x_BTD) * mask_BT[..., None]
        response_BTD = F.glu(self.convolution(visible_BTD.transpose(1, 2)), dim=1).transpose(1, 2)
        seen_BTD: Tensor = self.dropout(response_BTD)
        return x_BTD + seen_BTD


class ConvolutionalEncoder(Encoder):
    """Projection, positions, ``layers`` gated convolutions, then ``models.backbones.base.Top``."""

    def __init__(
        self,
        input_width: int,
        *,
        attention: AttentionFactory | None,
        position: PositionFactory,
        external: bool,
        width: int,
        layers: int,
        kernel: int,
        token_site: bool,
        site: JoinName,
        feedforward_width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.width = width
        self.projection = nn.Linear(input_width, width)
        self.position = input_position(position, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GatedConvolution(width, kernel=kernel, dropout=dropout) for _ in range(layers))
        self.top = Top(
            width,
            attention=attention,
            position=position,
            external=external,
            token_site=token_site,
            site=site,
            feedforward_width=feedforward_width,
            dropout=dropout,
        )

    def contextualize(self, x_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """Project and convolve."""
        states_BTD: Tensor = self.dropout(self.position(self.projection(x_BTD)))
        for block in self.blocks:
            states_BTD = block(states_BTD, mask_BT)
        return states_BTD

    def attend(self, states_BTD: Tensor, mask_BT: Tensor, external: External | None = None) -> Tensor:
        """The token site and the feed-forward layer, where there are such."""
        attended: Tensor = self.top(states_BTD, mask_BT, external)
        return attended

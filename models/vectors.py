"""Word vectors that were learnt elsewhere, from a file: read as they are, or learnt on.

    x_u = v_u                  of a word that has a vector, frozen
    x_u = T[u]                 of a word that train shows too, if they are learnt on; T starts as v
    x_u = unknown              of a word without a vector: one vector for all of them, learnt

Pennington et al. 2014 (GloVe), https://aclanthology.org/D14-1162; Mikolov et al. 2013, https://arxiv.org/abs/1310.4546;
Bojanowski et al. 2017, https://arxiv.org/abs/1607.04606.

Frozen vectors are no weights: they come with each batch (``TextTensors.vectors_UD``), so that a word that train never
shows has its own wherever the file has one.

B texts, T positions, U distinct forms of the batch, N words that train shows, D width
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.embeddings import PADDING, IdCounts, TextTensors, probability


class PretrainedVectors(nn.Module):
    """The part of ``TokenEmbedding`` that reads pretrained vectors.

    ``train``: whether the vectors of words that train shows are learnt on; those of other words never are.
    ``word_dropout``: the probability that, in training, a token is read as a word without a vector.

    Raises ValueError where no file of vectors is named.
    """

    reads_path: ClassVar[bool] = True

    def __init__(self, sizes: IdCounts, *, train: bool, word_dropout: float) -> None:
        super().__init__()
        if sizes.vector_width == 0:
            raise ValueError(
                "pretrained vectors are read from a file; name it with embedding.path, which embedding=vectors has"
            )
        self.width, self.word_dropout = sizes.vector_width, probability("word_dropout", word_dropout)
        self.unknown_D = nn.Parameter(torch.zeros(self.width))
        self.table: nn.Embedding | None = None
        if train:  # from zeros, since drawing some that are replaced would change what is drawn after them
            first_ND = torch.zeros(sizes.vectors + 1, self.width)
            self.table = nn.Embedding(len(first_ND), self.width, padding_idx=PADDING, _weight=first_ND)

    def start_from(self, rows_ND: Tensor) -> None:
        """Let what is learnt on start from the vectors of the file, (N + 1, D), the first row zero."""
        if self.table is not None:
            with torch.no_grad():
                self.table.weight.copy_(rows_ND)

    def forward(self, texts: TextTensors) -> Tensor:
        """The vectors of the words, (B, T, width). Raises ValueError for texts that were encoded without any."""
        x_UD, ids_U = texts.vectors_UD, texts.vector_ids_U
        if x_UD is None or ids_U is None:
            raise ValueError("the texts were encoded without pretrained vectors, and the embedding reads them")
        if self.table is not None:
            learnt_U1 = (ids_U < self.table.num_embeddings)[:, None]
            own_UD = self.table(ids_U.clamp(max=self.table.num_embeddings - 1))
            x_UD = torch.where(learnt_U1, own_UD, x_UD)
        x_UD = torch.where((ids_U != PADDING)[:, None], x_UD, self.unknown_D)
        x_BTD = F.embedding(texts.forms_BT, x_UD)
        if self.training and self.word_dropout > 0:
            forget_BT1 = torch.rand(texts.mask_BT.shape, device=x_BTD.device)[..., None] < self.word_dropout
            x_BTD = torch.where(forget_BT1, self.unknown_D, x_BTD)
        return x_BTD

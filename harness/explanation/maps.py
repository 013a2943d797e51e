"""Attention maps of one text: in the terminal, as an image, as a page.

H heads, T tokens that look, S tokens that are looked at
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.records.printable import plain

SHADES = " ░▒▓█"
"""A weight from 0 to the largest of the map, in the terminal."""


@dataclass(frozen=True)
class AttentionMap:
    """What a site looked at. ``kind``: token, pooling, decoder, or external (the memory of ``cross``).

    ``text``: of a pair, the number of the text whose tokens look (from 1); else None.
    """

    site: str
    kind: str
    rows: list[str]
    columns: list[str]
    weights_HTS: NDArray[np.floating[Any]]
    text: int | None = None

    @property
    def part(self) -> str:
        """The kind, and of a pair the text: what maps of different mechanisms have in common."""
        return self.kind if self.text is None else f"{self.kind}, text {self.text}"

    def weights(self, head: int | None = None) -> NDArray[np.floating[Any]]:
        """The weights (T, S) of a head (from 1), or the mean over heads. Raises ValueError if there is no such head."""
        if head is None:
            mean_TS: NDArray[np.floating[Any]] = self.weights_HTS.mean(axis=0)
            return mean_TS
        heads = len(self.weights_HTS)
        if not 1 <= head <= heads:
            there = f"heads 1 to {heads}" if heads > 1 else "one map, no further heads"
            raise ValueError(f"expected a head of {self.site}, which has {there}, got {head}")
        weights_TS: NDArray[np.floating[Any]] = self.weights_HTS[head - 1]
        return weights_TS

    def as_dict(self) -> dict[str, Any]:
        """As ``attention.json`` keeps it: the mean over heads, four decimals."""
        weights = np.round(self.weights().astype(float), 4).tolist()
        return {
            "site": self.site, "kind": self.part, "rows": self.rows, "columns": self.columns, "weights": weights
        }  # fmt: skip


def last_of_each_part(maps: Sequence[AttentionMap]) -> list[AttentionMap]:
    """Of each kind of site (and text of a pair) the map of its last site."""
    return list({made.part: made for made in maps}.values())


def terminal_lines(made: AttentionMap, head: int | None) -> Iterator[str]:
    """A line a token: the tokens it looks at most with their weights, and a shade for every token."""
    weights_TS = made.weights(head)
    largest = float(weights_TS.max(initial=0.0)) or 1.0
    width = min(max(map(len, made.rows), default=0), 16)
    yield f"{made.site} ({made.part}{'' if head is None else f', head {head}'}), {SHADES[-1]} is {largest:.2f}"
    for name, line_S in zip(made.rows, weights_TS, strict=True):
        top = [int(n) for n in np.argsort(-line_S, kind="stable")[:3]]
        words = ", ".join(f"{plain(made.columns[n])} {line_S[n]:.2f}" for n in top)
        shades = "".join(SHADES[min(int(w / largest * (len(SHADES) - 1) + 0.5), len(SHADES) - 1)] for w in line_S)
        yield f"  {plain(name)[:16]:>{width}} │{shades}│ {words}"


def write_png(path: Path, maps: Sequence[AttentionMap], head: int | None) -> None:
    """The maps below each other as an image."""
    from PIL import Image

    pictures = [_picture(made, made.weights(head)) for made in maps]
    whole = Image.new("RGB", (max(p.width for p in pictures), sum(p.height for p in pictures)), "white")
    top = 0
    for picture in pictures:
        whole.paste(picture, (0, top))
        top += picture.height
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.save(path, format="PNG")


def _picture(made: AttentionMap, weights_TS: NDArray[np.floating[Any]]) -> Any:
    from PIL import Image, ImageDraw, ImageFont

    size, font = 24, ImageFont.load_default(size=14)
    rows, columns = ([plain(name)[:18] for name in names] for names in (made.rows, made.columns))
    left, top = (20 + int(max(map(font.getlength, names), default=0)) for names in (rows, columns))
    top += 28
    width = max(left + size * len(columns) + 20, 40 + int(font.getlength(f"{made.site} ({made.part})")))
    picture = Image.new("RGB", (width, top + size * len(rows) + 20), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((12, 8), f"{made.site} ({made.part})", fill="#62666e", font=font)
    for number, name in enumerate(columns):
        label = Image.new("RGB", (int(font.getlength(name)) + 4, size), "white")
        ImageDraw.Draw(label).text((2, 3), name, fill="#1b1c1f", font=font)
        turned = label.rotate(90, expand=True)
        picture.paste(turned, (left + size * number, top - turned.height - 4))
    for i, name in enumerate(rows):
        draw.text((left - 8, top + size * i + size / 2), name, fill="#1b1c1f", font=font, anchor="rm")
        for j in range(len(columns)):
            share = min(max(float(weights_TS[i, j]), 0.0), 1.0) ** 0.6
            shade = tuple(round(c + (a - c) * share) for c, a in zip((241, 241, 238), (11, 98, 184), strict=True))
            x, y = left + size * j, top + size * i
            draw.rectangle((x, y, x + size - 2, y + size - 2), fill=shade)
    return picture

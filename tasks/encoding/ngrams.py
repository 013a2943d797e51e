"""Hashed character n-grams, as in fastText: the n-grams of ``<form>`` in a fixed number of buckets.

    bucket(g) = FNV1a_32(utf8(g)) mod buckets

Bojanowski et al. 2017, section 3.2, https://aclanthology.org/Q17-1010; the hash: Fowler, Noll and Vo, 32 bits,
offset basis 2166136261, prime 16777619, http://www.isthe.com/chongo/tech/comp/fnv/. The same on every machine.
Differs from fastText: bytes above 127 are not sign-extended before they are mixed in (fastText's ``dictionary.cc``
does so), hence the buckets are the same for ASCII only; and the boundary signs alone are never an n-gram.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BASIS, PRIME = np.uint32(2166136261), np.uint32(16777619)


def hash_ngrams(
    forms: Sequence[str], *, shortest: int, longest: int, buckets: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The buckets of all n-grams of each form, and where each form's begin (one more entry than forms).

    Within a form the n-grams are ordered by length, then from left to right. ``buckets`` of 0: none.
    """
    if buckets == 0 or not forms:
        return np.zeros(0, dtype=np.int32), np.zeros(len(forms) + 1, dtype=np.int64)
    codes = np.frombuffer("".join(f"<{form}>" for form in forms).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    sizes = np.array([len(form) + 2 for form in forms])
    ends = np.cumsum(sizes)
    owner = np.repeat(np.arange(len(forms)), sizes)
    room = np.repeat(ends, sizes) - np.arange(len(codes))  # characters from here to the end of the form
    boundary = room == 1
    boundary[ends - sizes] = True
    hashes = np.full(len(codes), BASIS, dtype=np.uint32)
    found: list[tuple[Any, Any]] = []
    for size in range(1, longest + 1):
        hashes = _mix(hashes[: len(codes) - size + 1], codes[size - 1 :])
        inside = room[: len(hashes)] >= size
        if size == 1:
            inside &= ~boundary
        if size >= shortest:
            found.append((owner[: len(hashes)][inside], hashes[inside] % np.uint32(buckets)))
    owners = np.concatenate([part for part, _ in found])
    order = np.argsort(owners, kind="stable")
    offsets = np.zeros(len(forms) + 1, dtype=np.int64)
    np.cumsum(np.bincount(owners, minlength=len(forms)), out=offsets[1:])
    return np.concatenate([part for _, part in found])[order].astype(np.int32), offsets


def _mix(hashes: NDArray[np.uint32], codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """FNV-1a of the hashes with the UTF-8 bytes of one more character each."""
    width = 1 + (codes > 0x7F) + (codes > 0x7FF) + (codes > 0xFFFF)
    for position in range(4):
        rest = width - 1 - position  # bytes that follow this one
        shifted = codes >> (6 * np.maximum(rest, 0)).astype(np.uint32)
        lead = np.choose(width - 1, [shifted, 0xC0 | shifted, 0xE0 | shifted, 0xF0 | shifted])
        byte = lead if position == 0 else 0x80 | (shifted & 0x3F)
        hashes = np.where(rest >= 0, (hashes ^ byte.astype(np.uint32)) * PRIME, hashes)
    return hashes

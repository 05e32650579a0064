"""Regions of several scans followed from one to the next: which are the same grain, which split, merge or take a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Link", "Piece", "follow"]

_SAME = 0.3  # of the smaller one of two regions that must be common to both, drift taken off; a bound, no table
_IN_PLACE = 0.5  # of the same between components: chance has more of it; a bound, no table


@dataclass(frozen=True, eq=False)
class Piece:
    """A connected region of one component in one scan.

    Attributes
    ----------
    component : int
    rows, cols : ndarray of int (n,)
        Its positions, as they lie in the first scan: drift is taken off, to whole positions.
    """

    component: int
    rows: np.ndarray
    cols: np.ndarray

    def common(self, other: Piece) -> float:
        """Positions of both, as a share of the smaller one."""
        a, b = ({*zip(p.rows.tolist(), p.cols.tolist())} for p in (self, other))
        return len(a & b) / max(min(len(a), len(b)), 1)


@dataclass
class Link:
    """How a grain begins or ends.

    Attributes
    ----------
    how : str
        Of a beginning ``"there"``, ``"appears"``, ``"splits"`` or ``"replaces"``; of an end ``"there"``, ``"vanishes"``,
        ``"merges"`` or ``"is replaced"``.
    other : int
        The grain that it comes from or goes into; -1 where there is none.
    """

    how: str
    other: int = -1


def follow(scans: Sequence[Sequence[Piece]], gap: int = 1) -> tuple[list[list[int]], list[Link], list[Link]]:
    """Number the grains of a series.

    Parameters
    ----------
    scans : sequence of sequence of Piece
        The pieces of each scan.
    gap : int
        In so many scans a grain may be missing, and still be the same afterwards.

    Returns
    -------
    grains : list of list of int
        The number of the grain that every piece is, in the order given.
    begins, ends : list of Link
        Of every grain.
    """
    grains: list[list[int]] = []
    last: dict[int, tuple[int, Piece]] = {}  # of every grain, the scan that had it last, and what it was there
    begins: list[Link] = []
    into: dict[int, Link] = {}
    for scan, pieces in enumerate(scans):
        near = {grain: piece for grain, (when, piece) in last.items() if scan - when <= 1 + gap and grain not in into}
        found = _continued(near, pieces, {grain: last[grain][0] for grain in near})
        for i, piece in enumerate(pieces):
            if found[i] < 0:
                found[i] = len(begins)
                begins.append(_beginning(piece, near, last, scan))
        for grain, piece in near.items():
            if grain not in found and last[grain][0] == scan - 1 and (goes := _into(piece, pieces, found, grain)):
                into[grain] = goes
        last |= {grain: (scan, piece) for grain, piece in zip(found, pieces)}
        grains.append(found)
    ends = [into.get(g, Link("there" if last[g][0] == len(scans) - 1 else "vanishes")) for g in range(len(begins))]
    for grain, link in enumerate(begins):
        if link.how == "replaces" and ends[link.other].how == "vanishes":
            ends[link.other] = Link("is replaced", grain)
        elif link.how == "replaces":
            begins[grain] = Link("appears")
    return grains, begins, ends


def _continued(near: dict[int, Piece], pieces: Sequence[Piece], when: dict[int, int]) -> list[int]:
    """The grain that each piece goes on with, -1 where none: the most in common first, each once, the latest first."""
    pairs = [
        (when[grain], len(piece.rows) * piece.common(own), grain, i)
        for i, own in enumerate(pieces) for grain, piece in near.items()
        if piece.component == own.component and piece.common(own) > _SAME
    ]  # fmt: skip
    found, taken = [-1] * len(pieces), set[int]()
    for _, _, grain, i in sorted(pairs, key=lambda pair: (-pair[0], -pair[1], pair[2], pair[3])):
        if found[i] < 0 and grain not in taken:
            found[i] = grain
            taken.add(grain)
    return found


def _beginning(piece: Piece, near: dict[int, Piece], last: dict[int, tuple[int, Piece]], scan: int) -> Link:
    if scan == 0:
        return Link("there")
    before = {grain: piece.common(own) for grain, own in near.items() if last[grain][0] == scan - 1}
    same = {g: share for g, share in before.items() if near[g].component == piece.component and share > _SAME}
    if same:
        return Link("splits", max(same, key=same.__getitem__))
    others = {g: share for g, share in before.items() if near[g].component != piece.component and share > _IN_PLACE}
    return Link("replaces", max(others, key=others.__getitem__)) if others else Link("appears")


def _into(piece: Piece, pieces: Sequence[Piece], found: list[int], grain: int) -> Link | None:
    """The grain of the same component that holds the place of one that is gone."""
    shares = {
        found[i]: piece.common(own) for i, own in enumerate(pieces) if own.component == piece.component and found[i] != grain
    }
    best = max(shares, key=shares.__getitem__, default=-1)
    return Link("merges", best) if best >= 0 and shares[best] > _SAME else None

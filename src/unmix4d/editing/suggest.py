"""Suggest which components to merge, split, drop or mark as background, from the numbers of a result."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..results.background import spread_components, without_spots
from .arguments import require_editable
from .halves import halves_alike
from .likeness import coherence, likeness
from .suggestions import Suggestions

__all__ = ["suggest"]

# benchmarks/editing/RESULTS.md: below these more is wrong than right.
_LEAST_MERGE, _LEAST_SPLIT = 0.3, 0.3
_ROUGH = 0.5  # coherence below which a map looks like noise: benchmarks/editing/RESULTS.md
_ROUND, _SPOTTED = 0.9, 0.4  # certainty that what is spread out is background, without spots and with them; no table
# Log odds that a pair is of one grain: a logistic regression on phantoms whose seeds the benchmark does not use, 32 answers
# of polycrystals and 54 of films that scatter dynamically, and not on the silver films.
_EXPLAINED, _TOGETHER, _EDGES, _OFFSET = 4.8, 5.6, -2.7, -4.95
_CANDIDATE = 0.25  # share of the weaker one that is explained, below which a pair was not looked at there
_NAMES = ("correlation", "edges", "similarity", "rotated", "angle_deg", "near", "error", "strength", "coherence")


def suggest(result: Any) -> Suggestions:
    """Suggest edits of this result, the most certain first. The result is not changed.

    *Merge*: the certainty is the probability that two components belong to one grain, as found on simulated films. It rises
    with the share of the weaker component that one component instead of the two would still explain. This share is high if
    the maps belong together (one grain in two components at the same place), or if spots are the same, unrotated, in areas
    that touch (one grain in two parts). The certainty also rises if the boundary between the two disappears when their maps
    are added.

    *Split*: the measured patterns in the two largest regions of a component, or in the two halves of its only region, are
    less similar than their noise allows. This takes one pass over the scan, and is left out if no data are linked.

    *Drop*: components that cannot be distinguished from noise, or whose map has no correlation between neighbours.

    *Background*: components that are spread over the scan.

    Returns
    -------
    Suggestions
        A sequence of suggestions, with a table.

    Raises
    ------
    ValueError
        If components have both signs.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> film = phantoms.polycrystal(n_grains=3, scan_shape=(24, 20), detector_shape=(48, 44), background=0, seed=0)
    >>> result = Unmix(film.data, centre=film.centre).nmf(4, random_state=0)
    >>> result.suggest().merges[0]
    (2, 3)
    """
    require_editable(result, "suggest")
    merges = list(_merges(result))
    rows = [*merges, *_noise(result, merges), *_background(result)]
    note = ""
    if result.source is None:
        note = "suggestions to split need the scan: load the result with unmix4d.load(path, data=scan)"
    else:
        rows += _splits(result)
    rows.sort(key=lambda row: (-row["certainty"], row["components"]))
    names = result.names
    return Suggestions(tuple({**row, "names": [names[i] for i in row["components"]]} for row in rows), note)


def _row(action, components, certainty, reason, **numbers):
    numbers = {name: _plain(numbers.get(name)) for name in ("certainty", *_NAMES)}
    numbers["certainty"] = float(np.clip(certainty, 0, 1))
    return {"action": action, "components": list(map(int, components)), "reason": reason, **numbers}


def _plain(value):
    return None if value is None or not math.isfinite(value) else float(value)


def _merges(result):
    if result.k < 2:
        return
    pairs, apart = likeness(result), set(result.settings.get("background", ()))
    odds = _EXPLAINED * pairs.explained + _TOGETHER * pairs.correlation + _EDGES * pairs.edges + _OFFSET
    certainty = np.where(pairs.explained > _CANDIDATE, 1 / (1 + np.exp(-odds)), 0)
    for i, j in zip(*np.triu_indices(result.k, 1)):
        if certainty[i, j] < _LEAST_MERGE or (i in apart) != (j in apart):
            continue
        numbers = {
            "correlation": pairs.correlation[i, j], "edges": pairs.edges[i, j], "similarity": pairs.alike[i, j],
            "rotated": pairs.rotated[i, j], "angle_deg": pairs.angle_deg[i, j], "near": pairs.near[i, j],
            "error": pairs.error[i, j],
        }  # fmt: skip
        why = f"correlation of maps {numbers['correlation']:.2f}, similarity of spots {numbers['similarity']:.2f}"
        yield _row("merge", (i, j), certainty[i, j], why, **numbers)


def _noise(result, merges):
    # What is a part of another component is no noise, however weak it is.
    part: dict[int, float] = {}
    for row in merges:
        part |= {i: max(part.get(i, 0.0), row["certainty"]) for i in row["components"]}
    rough, strengths, told = coherence(result), result.strengths, result.distinguishable
    for i in range(result.k):
        unknown = told is not None and not told[i]
        certainty = max(1 / (1 + strengths[i]) if unknown else 0.0, 1 - rough[i] if rough[i] < _ROUGH else 0.0)
        certainty *= 1 - part.get(i, 0.0)
        if certainty > 0:
            why = "not distinguishable from noise" if unknown else f"neighbours are hardly correlated ({rough[i]:.2f})"
            strength = None if strengths is None else strengths[i]
            yield _row("drop", (i,), certainty, why, strength=strength, coherence=rough[i])


def _background(result):
    kept = result.geometry.kept_positions.reshape(result.geometry.scan_shape)
    maps, known = np.maximum(np.nan_to_num(result.maps), 0), set(result.settings.get("background", ()))
    found = [i for i in spread_components(maps, kept, range(result.k)) if i not in known]
    if len(found) + len(known) >= result.k:
        return  # nothing would be left
    for i in found:
        bare = without_spots(result, i)
        why = "spread over the scan" + (", without spots" if bare else "")
        yield _row("background", sorted({i, *known}), _ROUND if bare else _SPOTTED, why)


def _splits(result):
    for i, alike in enumerate(halves_alike(result)):
        if 1 - alike >= _LEAST_SPLIT:
            why = f"similarity of the patterns of its two parts {alike:.2f}, corrected for noise"
            yield _row("split", (i,), 1 - alike, why, similarity=alike)

"""Which components might be one, two, noise or background: what the numbers of an answer say of that."""

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
    """What might be done to this answer by hand, the most certain first; nothing is done.

    Pairs that might be one: the certainty is the probability that the two are of one grain, as found on simulated films. It
    rises with the share of the weaker one that one component in place of the two would still explain, as maps go together
    (one grain in two components at the same place), or spots are the same, unrotated, in areas that touch (one grain in two
    parts); and where the boundary between the two goes away when their maps are added.
    Components that might be two: the measured patterns in their two largest regions, or in the two halves of the one region,
    are less alike than their noise allows; one pass over the scan, which is left out where no data are linked. Components
    that might be noise: not told from noise, or with a map in which neighbours have nothing in common. Components that might
    be background: spread over the scan.

    Returns
    -------
    Suggestions

    Raises
    ------
    ValueError
        When components have both signs.

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
        note = "components that might be two need the scan: load the result with unmix4d.load(path, data=scan)"
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
        why = f"maps correlate by {numbers['correlation']:.2f}, spots are alike by {numbers['similarity']:.2f}"
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
            why = "not told from noise" if unknown else f"neighbours have little in common ({rough[i]:.2f})"
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
            why = f"patterns of its two parts are alike by {alike:.2f}, noise taken off"
            yield _row("split", (i,), 1 - alike, why, similarity=alike)

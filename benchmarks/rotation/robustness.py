"""One case of the table of robustness, in a separate process: the last line is JSON, a list of one row a seed.

::

    python robustness.py CASE PATTERNS.npz [SIDE]    # CASE is a number, or the name; SIDE positions a side
"""

import json
import sys
import warnings

import numpy as np
import scenes
from cases import CASES, SEEDS
from common.memory import PeakMemory
from common.process import timed
from run import plain
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score

from unmix4d import Unmix
from unmix4d.clustering.group_angles import folded, symmetry_order
from unmix4d.clustering.similarity import rings_of
from unmix4d.core.geometry import ScanGeometry
from unmix4d.core.polar import PolarTransform

_TOLD_TO_MIRROR = {"mirror twins"}  # structures that are one where mirror images are


def view_of(scene):
    """What a user has: the scan, the centre that is told, the beam stop masked."""
    view = Unmix(scene.data, centre=scene.centre)
    return view if scene.mask is None else view.prepare(detector_mask=scene.mask)


def accuracy(truth, labels):
    """Share of the positions in the right group, groups and structures matched in the best way."""
    table = np.zeros((truth.max() + 1, labels.max() + 1))
    np.add.at(table, (truth[labels >= 0], labels[labels >= 0]), 1)
    return float(table[linear_sum_assignment(-table)].sum() / len(truth))


def angle_error(found, scene):
    """Median error of the angles, modulo the symmetry of each structure and the arbitrary zero of each group."""
    geometry = ScanGeometry((1, 1), scene.patterns.shape[1:], centre=((scene.patterns.shape[1] - 1) / 2,) * 2)
    polar = PolarTransform(geometry, r_min=max(2.0, 2 * scene.r_min))
    rings = rings_of(polar.forward(scene.patterns), polar.valid, polar.radius)
    labels, angles, errors = found.labels.ravel(), found.angles_deg.ravel(), []
    for group in range(len(found)):
        structure = np.bincount(scene.structure[labels == group]).argmax()
        which = (labels == group) & (scene.structure == structure) & np.isfinite(angles) & (not scene.amorphous[structure])
        if which.any():
            order = symmetry_order(rings.spectra[:, structure], rings)
            off = np.deg2rad((angles[which] - scene.angle_deg[which]) * order)
            for flipped in (False, True):
                some = off[found.mirrored.ravel()[which] == flipped]
                if some.size:
                    middle = np.angle(np.exp(1j * some).mean())
                    errors.append(np.abs(folded(np.rad2deg(some - middle), 360)) / order)
    return float(np.median(np.concatenate(errors))) if errors else float("nan")


def both_named(found, scene):
    """Share of the positions of two structures, by the truth, at which both are named; NaN without such positions."""
    mixed = (scene.second >= 0) & (scene.second != scene.structure)
    if not mixed.any() or not hasattr(found, "second"):
        return float("nan")
    name = np.array([np.bincount(scene.structure[found.labels.ravel() == g]).argmax() for g in range(len(found))] + [-1])
    pairs = np.stack([name[found.labels.ravel()], name[found.second.ravel()]])
    truth = np.stack([scene.structure, scene.second])
    return float((np.sort(pairs, axis=0) == np.sort(truth, axis=0)).all(axis=0)[mixed].mean())


def one(case, seed, path, others=True):
    """The numbers of one row for one seed."""
    scene = scenes.make(case, seed, path)
    truth, view = scene.structure, view_of(scene)
    with warnings.catch_warnings(record=True) as said, PeakMemory() as memory:
        warnings.simplefilter("always")
        found, seconds = timed(lambda: view.group_rotated(random_state=0, r_min=scene.r_min, **case.options))
    if case.options.get("mirror") and case.structures in _TOLD_TO_MIRROR:
        truth = np.zeros_like(truth)
    labels, n = found.labels.ravel(), len(set(truth.tolist()))
    row = {
        "ari": adjusted_rand_score(truth, labels), "accuracy": accuracy(truth, labels), "groups": len(found), "true": n,
        "angle": angle_error(found, scene), "seconds": seconds, "memory": memory.extra / 1e9,
        "both": both_named(found, scene), "warnings": len(said),
    }  # fmt: skip
    if others and n > 1:
        row |= {name: adjusted_rand_score(truth, value) for name, value in plain(view, n).items()}
    return row


def main(name, path, side=scenes.SIDE):
    """Print the rows of a case."""
    scenes.SIDE = int(side)
    case = CASES[int(name)] if name.isdigit() else next(c for c in CASES if c.name == name)
    print(json.dumps([one(case, seed, path) for seed in SEEDS]))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Phantoms of `choose_k.py`, and what can be distinguished in them, from the noise-free truth."""

from dataclasses import dataclass

import numpy as np

from unmix4d import phantoms
from unmix4d.engine.noise import noise_edge

__all__ = ["DOSES", "Case", "all_cases", "build", "truth_sizes"]

SCAN, DETECTOR = (32, 32), (64, 64)
DOSES = (1000, 4000, 16000)  # electrons per pattern
_BEAM = 0.5  # share of the dose
_BEAMS = ("none", "shared", "none", "own")
_BACKGROUNDS = (0.0, 0.2, 0.4)
_DARKEST = 1e-2  # of the mean pixel


@dataclass(frozen=True)
class Case:
    """One phantom.

    Attributes
    ----------
    builder : {"polycrystal", "kimoto"}
    k : int
        Components; a background, and a direct beam with a map of its own, are counted.
    dose : float
    overlap : float
    beam : {"none", "shared", "own"}
        ``"shared"``: a constant share of every pattern, which adds no component. ``"own"``: where the film is thicker less
        is left in the beam, so that it is one more component.
    background : float
    seed : int
    """

    builder: str
    k: int
    dose: float
    overlap: float
    beam: str
    background: float
    seed: int


def all_cases(seeds):
    """Polycrystals for k = 3 to 12 and every dose and seed, and Kimoto's model.

    Overlap, beam and background take turns along k and the dose; seeds repeat a combination with other grains and noise.
    """
    cases = []
    for k in range(3, 13):
        for i, dose in enumerate(DOSES):
            beam, background = _BEAMS[(k // 2 + k + i) % 4], _BACKGROUNDS[(k + 2 * i) % 3]
            for seed in seeds:
                cases.append(
                    Case("polycrystal", k, dose, (0.0, 0.4)[(k + i) % 2], beam, background, 1000 * seed + 10 * k + i)
                )
    for i, dose in enumerate(DOSES):
        for seed in seeds:
            cases.append(Case("kimoto", 4, 4 * dose, 1.0, ("none", "shared")[i % 2], 1.0, 1000 * seed + i))
    return cases


def build(case):
    """Counts (scan_row, scan_col, det_row, det_col), true patterns and maps, and the centre."""
    beam = _BEAM if case.beam == "shared" else 0.0
    if case.builder == "kimoto":
        made = phantoms.kimoto(
            scan_shape=(36, 36), detector_shape=DETECTOR, dose=case.dose, direct_beam=beam, seed=case.seed
        )
        return made.data, made.patterns, made.maps, made.centre
    own = case.beam == "own"
    settings = dict(
        n_grains=case.k - (case.background > 0) - own, scan_shape=SCAN, detector_shape=DETECTOR, overlap=case.overlap,
        background=case.background, thickness_variation=0.3 if own else 0.0, dose=case.dose, seed=case.seed,
    )  # fmt: skip
    made = phantoms.polycrystal(direct_beam=beam, **settings)
    if not own:
        return made.data, made.patterns, made.maps, made.centre
    pattern, share = _direct_beam(made, settings), _beam_map(made, case.dose)
    electrons = np.random.default_rng([case.seed, 77]).poisson(share[..., None, None] * pattern)
    patterns, maps = np.concatenate([made.patterns, pattern[None]]), np.concatenate([made.maps, share[None]])
    return made.data + electrons.astype(made.data.dtype), patterns, maps, made.centre


def _direct_beam(made, settings):
    """The beam alone: what the same phantom has more with a beam than without."""
    with_beam = phantoms.polycrystal(direct_beam=_BEAM, **settings)
    pattern = np.maximum(with_beam.patterns[0] - (1 - _BEAM) * made.patterns[0], 0)
    return pattern / pattern.sum()


def _beam_map(made, dose):
    """What is not scattered is left in the beam."""
    thickness = made.maps.sum(0)
    return dose * np.clip(2 - thickness / thickness.mean(), 0, None)


def truth_sizes(patterns, maps):
    """Singular values of the noise-free scan, descending, over the largest one that its counting noise can have.

    Rows and columns are divided by the roots of their means, so that the noise is nearly the same everywhere (Keenan and
    Kotula 2004); its variance is the expectation itself. Nothing measured or estimated enters. No smoothing: neighbouring
    positions that share a component can make one visible that is not by this measure.
    """
    patterns, maps = patterns.reshape(len(patterns), -1), maps.reshape(len(maps), -1)
    totals = maps.T @ patterns.sum(1)
    mean = maps.mean(1) @ patterns
    rows, columns = totals / totals.mean(), np.maximum(mean / mean.mean(), _DARKEST)
    edge = noise_edge(maps.T @ (patterns / columns).sum(1) / rows, (maps / rows).sum(1) @ patterns / columns)
    left, right = (np.linalg.qr(a.T)[1] for a in (maps / np.sqrt(rows), patterns / np.sqrt(columns)))
    return np.linalg.svd(left @ right.T, compute_uv=False) / edge

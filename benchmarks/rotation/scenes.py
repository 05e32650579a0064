"""Scans with a known answer for the table of robustness: structures, and what is done to their patterns.

Patterns of WS2 are multislice simulations of one probe position per zone axis; all others are kinematical, with excitation
errors: a lattice, turned, whose reflections hold the less the further they are from the Ewald sphere.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from unmix4d.phantoms._patterns import WAVELENGTH, Detector

__all__ = ["STRUCTURES", "Scene", "make"]

SIDE, GRAINS, LARGE, SMALL = 48, 24, 256, 128  # positions a side; pixels before and after binning
_MIDDLE = (LARGE - 1) / 2
_DETECTOR = Detector((LARGE, LARGE), (_MIDDLE, _MIDDLE), 0.0095)
_S_WIDTH = 0.015  # of the rocking curve, 1/angstrom
_DIFFUSE = 0.15  # share of a pattern that is under the spots


@dataclass(frozen=True, eq=False)
class Scene:
    """A scan and its truth.

    Attributes
    ----------
    data : ndarray of uint16 (SIDE, SIDE, SMALL, SMALL)
    centre : tuple
        That is told.
    mask : ndarray of bool or None
    structure, second : ndarray of int (SIDE * SIDE,)
        The strongest and the second structure at every position; -1 where the second grain holds less than a fifth.
    angle_deg : ndarray (SIDE * SIDE,)
    patterns : ndarray (n, LARGE, LARGE)
    amorphous : ndarray of bool (n,)
    r_min : float
        Where the direct beam ends.
    """

    data: np.ndarray
    centre: tuple
    mask: np.ndarray | None
    structure: np.ndarray
    second: np.ndarray
    angle_deg: np.ndarray
    patterns: np.ndarray
    amorphous: np.ndarray
    r_min: float


def _fcc(a=4.09, q_max=1.2, extra=None):
    """Reflections (n, 3) of a face-centred lattice, in 1/angstrom, and their strengths; `extra` gets hkl."""
    axis = np.arange(-7, 8)
    hkl = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    odd = (hkl % 2).sum(axis=1)
    hkl = hkl[((odd == 0) | (odd == 3)) & hkl.any(axis=1)]
    q = np.linalg.norm(hkl, axis=1) / a
    hkl, q = hkl[q < q_max], q[q < q_max]
    strength = np.exp(-2.5 * q) * (1.0 if extra is None else extra(hkl))
    return hkl / a, strength


def _pattern(xyz, strength, tilt_deg=0.0, about_deg=20.0, zone=(0, 0, 1)):
    """Pattern of sum 1 of a crystal seen down a zone and then tilted about an axis in the plane."""
    z = np.asarray(zone, float) / np.linalg.norm(zone)
    x = np.cross([0.0, 1.0, 0.0] if abs(z[1]) < 0.9 else [1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    at = xyz @ np.stack([x, np.cross(z, x), z], axis=1)
    axis = np.array([np.cos(np.deg2rad(about_deg)), np.sin(np.deg2rad(about_deg)), 0.0])
    c, s = np.cos(np.deg2rad(tilt_deg)), np.sin(np.deg2rad(tilt_deg))
    at = at * c + np.cross(axis, at) * s + np.outer(at @ axis, axis) * (1 - c)  # Rodrigues
    error = at[:, 2] + 0.5 * WAVELENGTH * (at**2).sum(axis=1)
    spots = _DETECTOR.spots(at[:, :2], strength * np.exp(-((error / _S_WIDTH) ** 2)), 6.0)
    return (1 - _DIFFUSE) * spots / spots.sum() + _DIFFUSE * _DETECTOR.diffuse()


def _ws2(path):
    return np.load(path)["patterns"]


def _r_min(case, path):
    """Where the direct beam ends, in binned pixels: files of `multislice.py` say it, that of WS2 does not."""
    if case.structures != "ws2":
        return 1.0
    file = np.load(path)
    return float(file["r_min"]) if "r_min" in file else 5.0


def _tilted(degrees):
    return lambda path: np.stack([_pattern(*_fcc()), _pattern(*_fcc(), tilt_deg=degrees)])


def _intensities(path):
    """The same lattice, of which reflections with h + k + l = 4n + 2 are weak in one."""
    weak = lambda hkl: np.where(hkl.sum(axis=1) % 4 == 2, 0.35, 1.0)  # noqa: E731
    return np.stack([_pattern(*_fcc()), _pattern(*_fcc(extra=weak))])


def _twins(path):
    """A pattern without a mirror line, as pyrite has down [001], and its mirror image."""
    hand = lambda hkl: np.where(np.abs(hkl[:, 0]) > np.abs(hkl[:, 1]), 1.0, 0.25)  # noqa: E731
    turned = lambda hkl: hand(hkl) * np.where(hkl[:, 0] * hkl[:, 1] > 0, 1.0, 0.3)  # noqa: E731
    one = _pattern(*_fcc(extra=turned))
    return np.stack([one, one[:, ::-1]])


def _lattices(path):
    wide = _fcc(a=5.43, extra=lambda hkl: np.where(hkl.sum(axis=1) % 4 == 2, 0.0, 1.0))
    crystals = [_pattern(*_fcc()), _pattern(*_fcc(a=3.61), zone=(1, 1, 1)), _pattern(*wide, zone=(0, 1, 1))]
    return np.stack([*crystals, _DETECTOR.halo()])


STRUCTURES = {
    "ws2": _ws2, "tilt 2": _tilted(2.0), "tilt 5": _tilted(5.0), "tilt 10": _tilted(10.0), "intensities": _intensities,
    "mirror twins": _twins, "three lattices and amorphous": _lattices,
}  # fmt: skip


def _linear(angle_deg, case, rng):
    """What takes (row, col) of the pattern of a structure to the detector: strain, turn, distortion."""
    c, s = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    turn = np.array([[c, -s], [s, c]])  # counter-clockwise as seen with row 0 on top
    return _stretch(case.ellipse / 2, 30.0) @ turn @ _stretch(case.strain * rng.uniform(-1, 1), rng.uniform(0, 180))


def _stretch(by, direction_deg):
    along = np.array([np.cos(np.deg2rad(direction_deg)), np.sin(np.deg2rad(direction_deg))])
    across = np.array([-along[1], along[0]])
    return (1 + by) * np.outer(along, along) + (1 - by) * np.outer(across, across)


def _of_grain(pattern, angle_deg, case, rng):
    """The pattern of one grain (SMALL, SMALL), of sum 1 or less."""
    if case.thickness > 1:
        radius = np.hypot(*(np.indices(pattern.shape) - _MIDDLE)) * 0.0095
        wave = np.cos(2 * np.pi * (radius * rng.uniform(1, 3) + rng.uniform()))
        pattern = pattern * case.thickness ** (0.5 * wave)
        pattern = pattern / pattern.sum()
    back = np.linalg.inv(_linear(angle_deg, case, rng))
    middle, shifted = np.full(2, _MIDDLE), _MIDDLE + 2 * case.off * np.array([0.6, -0.8])
    image = ndimage.affine_transform(pattern, back, middle - back @ shifted, order=3).clip(0)
    image = image.reshape(SMALL, 2, SMALL, 2).sum(axis=(1, 3))
    return image / max(image.sum(), 1.0)


def make(case, seed, path=None) -> Scene:
    """The scan of a case."""
    rng = np.random.default_rng(seed)
    patterns = STRUCTURES[case.structures](path)
    shares = case.shares or [len(part) for part in np.array_split(np.arange(GRAINS), len(patterns))]
    of_grain = rng.permutation(np.repeat(np.arange(len(patterns)), shares))
    angles = rng.uniform(0, 360, GRAINS)
    grain = cKDTree(rng.uniform(0, SIDE, (GRAINS, 2))).query(np.argwhere(np.ones((SIDE, SIDE), bool)))[1]
    member = (grain == np.arange(GRAINS)[:, None]).astype(float)
    if case.blur:
        maps = member.reshape(GRAINS, SIDE, SIDE)
        member = ndimage.gaussian_filter(maps, (0, case.blur / 2.3548, case.blur / 2.3548)).reshape(GRAINS, -1)
    images = np.stack([_of_grain(patterns[s], a, case, rng) for s, a in zip(of_grain, angles)])
    mean = np.tensordot(member.T, images, axes=1) * case.electrons
    mask = None
    if case.hot:
        mean[:, rng.integers(20, 108, case.hot), rng.integers(20, 108, case.hot)] += 0.02 * case.electrons
    if case.stop:
        mask = Detector((SMALL, SMALL), ((SMALL - 1) / 2,) * 2, 1.0).beam_stop(8.0, bar=5)
        mean[:, mask] = 0
    data = rng.poisson(mean.astype(np.float32)).astype(np.uint16).reshape(SIDE, SIDE, SMALL, SMALL)
    order = np.argsort(-member, axis=0)
    weak = np.take_along_axis(member, order[1:2], axis=0)[0] < 0.2
    amorphous = np.array([case.structures.endswith("amorphous") and i == len(patterns) - 1 for i in range(len(patterns))])
    return Scene(
        data, ((SMALL - 1) / 2,) * 2, mask, of_grain[order[0]], np.where(weak, -1, of_grain[order[1]]), angles[order[0]],
        patterns, amorphous, _r_min(case, path),
    )  # fmt: skip

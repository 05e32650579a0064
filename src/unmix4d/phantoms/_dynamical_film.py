"""A metal film that scatters dynamically: nothing of what it does is linear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy

from ._build import assemble, begin
from ._checks import check_count, check_range, check_shape
from ._film_shape import film_thickness, grain_thickness
from ._layers import Disk, batches, pixels_of, through
from ._maps import smooth_field
from ._patterns import WAVELENGTH
from ._two_beam import MATERIALS, reflections

if TYPE_CHECKING:
    from ._phantom import Phantom

_SEEN = 0.006  # of the beam: a spot that can be told from the noise of some thousand electrons
_TRIES = 40  # draws at most; ours, from no table


def _orientations(n_grains, names, q_max, lattice_parameter, thickness, reach, rng):
    """Random orientations, and the reflections that are excited there.

    An orientation in which a grain of that thickness would hardly be seen is drawn again: one with fewer than three spots.
    """
    matrices, crystals = [], []
    for i in range(n_grains):
        for _ in range(_TRIES):
            matrix = scipy.spatial.transform.Rotation.from_quat(rng.standard_normal(4)).as_matrix()
            crystal = reflections(names[i % len(names)], matrix, q_max, lattice_parameter).near(reach, thickness)
            seen = crystal.most(0.0, thickness) > _SEEN
            if np.count_nonzero(seen & (np.linalg.norm(crystal.vectors[:, :2], axis=1) < 0.6 * q_max)) >= 3:
                break
        matrices.append(matrix)
        crystals.append(crystal)
    return np.stack(matrices), crystals


def _stacks(thickness):
    """Positions with the same grains, from the first to the last that the beam meets: (grains, positions) of each."""
    present = (thickness > 0).reshape(len(thickness), -1)
    kinds, which = np.unique(present, axis=1, return_inverse=True)
    return [(np.flatnonzero(kinds[:, i]), np.flatnonzero(which.ravel() == i)) for i in range(kinds.shape[1])]


def _elastic(crystals, thickness, tilt, disk, detector):
    """What the crystals scatter elastically, direct beam included, of a total of 1: (positions, pixels), float32."""
    flat, tilt = thickness.reshape(len(thickness), -1), tilt.reshape(-1, 2)
    out = np.empty((len(tilt), detector.shape[0] * detector.shape[1]), np.float32)
    for grains, positions in _stacks(thickness):
        layers = [crystals[i] for i in grains]
        n_values = len(disk.weights) * (1 + 8 * sum(len(layer.extinction) for layer in layers))
        for batch in batches(len(positions), n_values):
            at = positions[batch]
            vectors, beams = through(layers, [flat[i, at] for i in grains], tilt[at], disk)
            out[at] = beams.reshape(len(at), -1) @ pixels_of(detector, vectors, disk)
    return out


class _Film:
    """The specimen and what is needed to draw it; everything of a total of 1."""

    def __init__(self, detector, disk, tilt, mean_free_path, halo):
        self.detector, self.disk, self.tilt, self.halo = detector, disk, tilt, halo
        self.mean_free_path = mean_free_path
        self.diffuse, self.amorphous = detector.diffuse().ravel(), detector.halo().ravel()

    def inelastic(self, thickness):
        """Share of the electrons that ended in the broad background."""
        return 1 - np.exp(-thickness / self.mean_free_path)

    def with_backgrounds(self, elastic, thickness):
        """Elastic patterns (positions, pixels) with inelastic background and halo, in place."""
        lost, halo = self.inelastic(thickness).ravel()[:, None], self.halo.ravel()[:, None]
        elastic *= ((1 - halo) * (1 - lost)).astype(np.float32)
        for i, row in enumerate(elastic):
            row += ((1 - halo[i]) * lost[i] * self.diffuse + halo[i] * self.amorphous).astype(np.float32)
        return elastic

    def bare(self):
        """Pattern without a crystal."""
        beam = pixels_of(self.detector, np.zeros((1, 2)), self.disk).sum(axis=0).A1
        halo = self.halo.mean()
        return (1 - halo) * beam + halo * self.amorphous, beam

    def pattern(self, crystal, thickness, scale):
        """Mean pattern of a grain by itself, weighted by its thickness and scaled to the thickness `scale`."""
        there = thickness > 0
        t, tilt, wanted = thickness[there], self.tilt[there], 0.0
        for batch in batches(len(t), len(self.disk.weights) * (1 + len(crystal.extinction))):
            vectors, beams = through([crystal], [t[batch]], tilt[batch], self.disk)
            wanted = wanted + (beams[:, 1:] * (1 - self.inelastic(t[batch]))[:, None, None]).sum(axis=0, dtype=float)
        spots = wanted.ravel() @ pixels_of(self.detector, vectors[1:], self.disk)
        scattered = (spots + self.inelastic(t).sum() * self.diffuse) * scale / t.sum()
        halo, beam = self.halo[there].mean(), self.bare()[1]
        left = max(1 - scattered.sum(), 0)
        return (1 - halo) * (scattered + left * beam) + halo * self.amorphous


def _blurred(images, edge, shape):
    """Patterns (rows x cols, pixels) averaged over the probe, a Gaussian of sigma `edge` positions; in place."""
    if edge > 0:
        along = [
            scipy.ndimage.gaussian_filter1d(np.eye(n, dtype=np.float32), edge, axis=0, mode="nearest", truncate=3)
            for n in shape
        ]
        scan = images.reshape(*shape, -1)
        for first in range(0, scan.shape[2], 256):
            part = scan[:, :, first : first + 256]
            once = np.tensordot(along[0], part, axes=(1, 0))
            part[...] = np.tensordot(along[1], once, axes=(1, 1)).transpose(1, 0, 2)
    return images


def _check(settings):
    check_count("n_grains", settings["n_grains"])
    for name in ("thickness", "mean_free_path", "disk_radius"):
        check_range(name, settings[name], 0, open_low=True)
    if settings["lattice_parameter"] is not None:
        check_range("lattice_parameter", settings["lattice_parameter"], 1)
    for name in ("wedge", "thickness_variation", "background", "vacuum"):
        check_range(name, settings[name], 0, 1, open_high=True)
    for name in ("overlap", "bending_mrad", "edge"):
        check_range(name, settings[name], 0)
    if not isinstance(settings["support"], bool):
        raise ValueError(f"support must be True or False, found {settings['support']!r}")
    names = settings["materials"]
    if not isinstance(names, (tuple, list)) or not names or any(name not in MATERIALS for name in names):
        raise ValueError(f"materials must be one or more of {', '.join(MATERIALS)}, found {names!r}")


def dynamical_film(
    *,
    n_grains: int = 8,
    scan_shape: tuple[int, int] = (40, 40),
    detector_shape: tuple[int, int] = (72, 72),
    overlap: float = 0.0,
    materials: tuple[str, ...] = ("Ag",),
    lattice_parameter: float | None = None,
    thickness: float = 25.0,
    wedge: float = 0.3,
    thickness_variation: float = 0.1,
    bending_mrad: float = 2.0,
    disk_radius: float = 1.5,
    mean_free_path: float = 120.0,
    background: float = 0.1,
    support: bool = True,
    vacuum: float = 0.0,
    edge: float = 0.7,
    dose: float | None = 3e3,
    pixel_size: float | None = None,
    centre: tuple[float, float] | None = None,
    step: float = 2.0,
    seed: int | None = 0,
) -> Phantom:
    """Simulate a polycrystalline metal film with dynamical scattering, in which spots change within every grain.

    Grains have random orientations in three dimensions. The excitation error of each reflection is its distance from the
    Ewald sphere; intensities are two-beam intensities [1]_ with extinction distances from tabulated scattering factors [2]_,
    so they oscillate with the thickness. The film is bent, and the disks of the convergent beam contain rocking curves.
    Where two grains overlap, the beams of the upper one are incident on the lower one, so there are spots at sums of their
    scattering vectors. Electrons that are not scattered remain in the direct beam. Inelastic scattering is a broad
    background that increases with the thickness, and an amorphous film has a halo.

    The data are **not** maps times patterns: `patterns` are means over each single grain, and even the best non-negative fit
    with the true maps has a residual (`benchmarks/dynamical`).

    Parameters
    ----------
    n_grains : int
        Number of grains.
    scan_shape, detector_shape : tuple of int
        Shapes of the scan and the detector.
    overlap : float
        Amount of overlap. With 0, columnar grains fill the film. Otherwise lens-shaped grains are at different depths, their
        areas add up to 1 + `overlap` times that of the film, and the beam passes grain 1 first.
    materials : tuple of str
        Materials from "Ag", "Al", "Au" (fcc) and "Fe" (bcc), assigned to the grains in turn.
    lattice_parameter : float or None
        Lattice parameter of all grains in angstrom. By default that of the material.
    thickness : float
        Thickness of the film, or of a grain at its centre, in nm.
    wedge : float
        Relative change of the thickness from the centre of the scan to its edge, in a random direction.
    thickness_variation : float
        Largest additional relative deviation of the thickness, which varies within a grain.
    bending_mrad : float
        Largest tilt of the film about either axis, which varies smoothly over the scan.
    disk_radius : float
        Radius of the disks in pixels. The convergence semi-angle is the radius times pixel size and wavelength.
    mean_free_path : float
        Mean free path of inelastic scattering in nm.
    background : float
        Mean share of an amorphous halo, which varies smoothly.
    support : bool
        If True, the halo is everywhere, like that of a supporting film. If False, it is only where there is a grain, like
        that of an oxide.
    vacuum : float
        Fraction of the scan that the film does not cover.
    edge : float
        Sigma of the blur by the probe, in positions.
    dose : float or None
        Electrons of the incident beam per position. Electrons scattered past the detector are lost. None as for `kimoto`.
    pixel_size, centre, step, seed
        As for `kimoto`.

    Returns
    -------
    Phantom
        The phantom with k = n_grains + 1. The first component, 'background', is the pattern without a grain. `thickness` and
        `orientations` are those of the grains, and the map of a grain is its thickness divided by the largest thickness of
        the film.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    References
    ----------
    .. [1] Howie and Whelan, Proc. R. Soc. A 263 (1961) 217, doi:10.1098/rspa.1961.0157
    .. [2] Peng, Ren, Dudarev and Whelan, Acta Cryst. A 52 (1996) 257, doi:10.1107/S0108767395014371

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> p = phantoms.dynamical_film(n_grains=3, scan_shape=(12, 10), detector_shape=(48, 48), overlap=0.5)
    >>> p.names, p.thickness.shape, p.orientations.shape
    (('background', 'grain 1', 'grain 2', 'grain 3'), (4, 12, 10), (4, 3, 3))
    """
    settings = dict(locals(), builder="dynamical_film")
    shape = check_shape("scan_shape", scan_shape, smallest=4)
    _check(settings)
    detector, structure, pattern_rng, noise_rng = begin(settings)
    disk = Disk.of(disk_radius, detector.pixel_size)
    relative = film_thickness(shape, wedge, thickness_variation, vacuum, structure)
    grains = 10 * thickness * grain_thickness(n_grains, overlap, relative, structure)
    bent = [smooth_field(shape, structure, max(shape) / 8) for _ in range(2)]
    tilt = 1e-3 * bending_mrad / WAVELENGTH * np.stack(bent, axis=-1)
    halo = np.clip(background * (1 + 0.4 * smooth_field(shape, structure, max(shape) / 5)), 0, 0.95)
    if not support:
        halo = np.where(grains.any(axis=0), halo, 0.0)
    reach = disk_radius * detector.pixel_size + 1e-3 * bending_mrad / WAVELENGTH
    matrices, crystals = _orientations(
        n_grains, materials, detector.q_max, lattice_parameter, grains.max(), reach, pattern_rng
    )
    film = _Film(detector, disk, tilt, 10 * mean_free_path, halo)
    total = grains.sum(axis=0)
    images = _elastic(crystals, grains, tilt, disk, detector)
    images = _blurred(film.with_backgrounds(images, total), edge, shape).reshape(*shape, *detector.shape)
    patterns = [film.bare()[0], *(film.pattern(c, t, total.max()) for c, t in zip(crystals, grains))]
    if edge > 0:
        grains = scipy.ndimage.gaussian_filter(grains, (0, edge, edge), mode="nearest", truncate=3)
    maps = np.concatenate([1 - grains.sum(axis=0, keepdims=True) / total.max(), grains / total.max()])
    nothing = np.full((1, 3, 3), np.nan)
    return assemble(
        settings, np.reshape(patterns, (-1, *detector.shape)), np.clip(maps, 0, 1), detector, noise_rng,
        ["background", *(f"grain {i + 1}" for i in range(n_grains))],
        expectation=lambda row: images[row].astype(float),
        thickness=np.concatenate([np.zeros((1, *shape)), grains / 10]), orientations=np.concatenate([nothing, matrices]),
    )  # fmt: skip

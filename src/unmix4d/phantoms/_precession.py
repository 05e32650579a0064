"""Twins that scatter dynamically under a precessing beam: an inclined boundary, a bent wire (Martineau 2019, Figs. 7, 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy

from ._build import assemble, begin
from ._checks import check_count, check_range, check_shape
from ._layers import Disk, pixels_of, through
from ._maps import inclined_boundary
from ._patterns import WAVELENGTH
from ._two_beam import MATERIALS, Reflections, reflections

if TYPE_CHECKING:
    from ._phantom import Phantom

# Rows are the directions of the crystal along (row, column, z): [110] along the beam, a {111} normal along the rows.
_ZONE = np.array([[1, -1, 1], [1, -1, -2], [1, 1, 0]]) / np.sqrt([[3], [6], [2]])
_TWIN = np.array([1.0, -1.0, -1.0])  # half a turn about that normal


def martineau_fig7(
    *,
    precession_mrad: float = 0.0,
    scan_shape: tuple[int, int] = (2, 41),
    detector_shape: tuple[int, int] = (64, 60),
    pure_to_mixed: float = 1.0,
    material: str = "Al",
    thickness: float = 55.0,
    tilt_mrad: tuple[float, float] = (1.0, 0.5),
    azimuths: int = 48,
    beam_stop: float = 4.0,
    spot_width: float = 2.8,
    dose: float | None = None,
    pixel_size: float | None = 0.055,
    centre: tuple[float, float] | None = None,
    step: float = 1.0,
    seed: int | None = 0,
) -> Phantom:
    """Simulate an inclined twin boundary with precession and thickness fringes (like Martineau 2019, Fig. 7).

    Two twins, seen along <110>, lie on top of one another, and their shares in the thickness change along the line. Spot
    intensities oscillate with the thickness (two-beam conditions, with the beams of the upper twin incident on the lower
    one, as in `dynamical_film`), so they do not measure it. Precession averages the patterns over a cone of tilts. Each beam
    then passes through its Bragg condition and increases more uniformly with the thickness.

    The data are **not** maps times patterns: `patterns` are those of the two ends, and `maps` the shares in the thickness.

    Parameters
    ----------
    precession_mrad : float
        Precession half-angle. With 0 there is no precession.
    scan_shape : tuple of int
        Shape of the scan. All rows are the same line scan; the boundary crosses the columns.
    detector_shape : tuple of int
        Shape of the detector.
    pure_to_mixed : float
        Length of the pure parts divided by that of the mixed part of the line.
    material : str
        Material: "Al", whose extinction distances are close to those of GaAs, or another fcc metal of `dynamical_film`.
    thickness : float
        Total thickness of both crystals, in nm.
    tilt_mrad : tuple of float
        Small tilt away from the zone axis. Without it, many spots of both twins are equal by symmetry.
    azimuths : int
        Number of directions on the cone that are averaged.
    beam_stop : float
        Radius of the masked direct beam, in pixels. With 0 nothing is masked.
    spot_width, dose, pixel_size, centre, step, seed
        As for `kimoto`. The dose is that of the incident beam.

    Returns
    -------
    Phantom
        The phantom with k = 2 components, 'upper twin' and 'lower twin'.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    References
    ----------
    Howie and Whelan, Proc. R. Soc. A 263 (1961) 217, doi:10.1098/rspa.1961.0157

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> p = phantoms.martineau_fig7(precession_mrad=10, scan_shape=(1, 9), azimuths=12)
    >>> p.data.shape, p.names
    ((1, 9, 64, 60), ('upper twin', 'lower twin'))
    """
    settings = dict(locals(), builder="martineau_fig7")
    rows, cols = check_shape("scan_shape", scan_shape, smallest=1)
    _check(settings)
    detector, _, _, noise_rng = begin(settings)
    share = inclined_boundary(cols, cols / (1 + pure_to_mixed))
    # The pure ends are asked for too: they are the true patterns.
    shares = np.r_[share, 1.0, 0.0]
    twins = _twins(material, detector)
    cone = _cone(precession_mrad, azimuths) + np.asarray(tilt_mrad, float)
    thick = [10 * thickness * each for each in (shares, 1 - shares)]
    images = _averaged(twins, thick, np.zeros((len(shares), 2)), cone, detector)
    images = _spread(images, spot_width)
    row, col = np.indices(detector.shape)
    stop = np.hypot(row - detector.centre[0], col - detector.centre[1]) <= beam_stop if beam_stop else None
    maps = np.repeat(np.stack([share, 1 - share])[:, None], rows, axis=1)
    return assemble(
        settings, images[cols:], maps, detector, noise_rng, ("upper twin", "lower twin"), mask=stop,
        expectation=lambda row: images[:cols].copy(), phases=np.zeros(2, int),
    )  # fmt: skip


def _check(settings):
    if MATERIALS.get(settings["material"]) is None or MATERIALS[settings["material"]].centring != "fcc":
        names = ", ".join(name for name, one in MATERIALS.items() if one.centring == "fcc")
        raise ValueError(f"material must be one of {names}, found {settings['material']!r}")
    for name in ("precession_mrad", "pure_to_mixed", "beam_stop"):
        check_range(name, settings[name], 0)
    for name in ("thickness", "spot_width"):
        check_range(name, settings[name], 0, open_low=True)
    tilt = settings["tilt_mrad"]
    if not isinstance(tilt, (tuple, list)) or len(tilt) != 2:
        raise ValueError(f"tilt_mrad must be two numbers, found {tilt!r}")
    for each in tilt:
        check_range("tilt_mrad", each, -50, 50)
    check_count("azimuths", settings["azimuths"])


def _cone(angle, n):
    """Tilts (n, 2) of a precessing beam; one, of zero, where it stands still."""
    if not angle:
        return np.zeros((1, 2))
    turn = 2 * np.pi * np.arange(n) / n
    return angle * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _twins(material, detector):
    """Both crystals, the second turned by half a turn about the {111} normal in the plane."""
    one = reflections(material, _ZONE, detector.q_max)
    return one, Reflections(one.vectors * _TWIN, one.extinction)


def _averaged(layers, thickness, tilt, cone, detector):
    """Mean over the cone of the images (n, rows, cols) behind crystals one above the other, every beam a point.

    thickness (list of ndarray (n,)): Of each crystal, angstrom.
    tilt (ndarray (n, 2)), cone (ndarray (m, 2)): Of the specimen and of the beam, mrad.
    """
    point = Disk(np.zeros((1, 2)), np.ones(1))
    tilt, cone = tilt * 1e-3 / WAVELENGTH, cone * 1e-3 / WAVELENGTH
    # What is seen from nowhere on the cone is left out.
    reach = sum(np.linalg.norm(each, axis=1).max() for each in (tilt, cone))
    near = [layer.near(reach, sum(thickness).max()) for layer in layers]
    total = 0.0
    for turned in cone:
        vectors, beams = through(near, thickness, tilt + turned, point)
        # The precessing beam is brought back behind the specimen: spots stay where they are.
        total = total + beams.reshape(len(tilt), -1).astype(float) @ pixels_of(detector, vectors, point)
    return (total / len(cone)).reshape(-1, *detector.shape)


def _spread(images, fwhm):
    """Points drawn as Gaussians."""
    return scipy.ndimage.gaussian_filter(images, (0, fwhm / 2.3548, fwhm / 2.3548), mode="constant")


def bent_wire(
    *,
    precession_mrad: float = 0.0,
    bending_mrad: float = 24.0,
    segments: int = 3,
    scan_shape: tuple[int, int] = (16, 30),
    detector_shape: tuple[int, int] = (64, 60),
    material: str = "Al",
    thickness: float = 30.0,
    tilt_mrad: tuple[float, float] = (1.0, 0.5),
    azimuths: int = 48,
    film: float = 0.1,
    edge: float = 0.5,
    spot_width: float = 2.8,
    dose: float | None = 1e5,
    pixel_size: float | None = 0.055,
    centre: tuple[float, float] | None = None,
    step: float = 10.0,
    seed: int | None = 0,
) -> Phantom:
    """Simulate a bent, twinned wire with precession (like Martineau 2019, Figs. 1 to 3).

    Twin segments alternate along a wire of hexagonal cross section on a carbon film. The wire is bent and scatters
    dynamically as in `martineau_fig7`. Without precession every column of the scan has a different pattern, which also
    changes with the thickness. With a precession angle larger than the bending, little more than two twins and the film can
    be distinguished.

    The data are **not** maps times patterns: `patterns` are the means over the segments of each twin.

    Parameters
    ----------
    precession_mrad : float
        Precession half-angle.
    bending_mrad : float
        Change of tilt along the wire.
    segments : int
        Number of twin segments along the wire, with alternating orientations.
    scan_shape, detector_shape : tuple of int
        Shapes of the scan and the detector. The wire runs along the columns.
    material, tilt_mrad, azimuths
        As for `martineau_fig7`.
    thickness : float
        Thickness at the middle of the wire, in nm.
    film : float
        Fraction of the electrons in the halo of the carbon film.
    edge : float
        Sigma of the blur by the probe, in positions.
    spot_width, dose, pixel_size, centre, step, seed
        As for `kimoto`. The dose is that of the incident beam, which is part of the patterns.

    Returns
    -------
    Phantom
        The phantom with k = 3 components, 'vacuum', 'crystal' and 'twin'.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> wire = phantoms.bent_wire(precession_mrad=35, azimuths=24)
    >>> Unmix(wire.data).scree().elbow
    3
    """
    settings = dict(locals(), builder="bent_wire", pure_to_mixed=0, beam_stop=0)
    rows, cols = check_shape("scan_shape", scan_shape, smallest=4)
    _check(settings)
    check_count("segments", segments)
    check_range("film", film, 0, 1, open_high=True)
    for name in ("bending_mrad", "edge"):
        check_range(name, settings[name], 0)
    detector, _, _, noise_rng = begin(settings)
    profile = _hexagon(rows)
    which = np.arange(cols) * segments // cols % 2
    tilt = np.linspace(-0.5, 0.5, cols)[:, None] * bending_mrad * np.array([np.cos(0.35), np.sin(0.35)])
    cone = _cone(precession_mrad, azimuths) + np.asarray(tilt_mrad, float)
    images = np.empty((rows, cols, *detector.shape))
    for i, crystal in enumerate(_twins(material, detector)):
        here = np.flatnonzero(which == i)
        thick = np.repeat(10 * thickness * profile, len(here))
        found = _averaged([crystal], [thick], np.tile(tilt[here], (rows, 1)), cone, detector)
        images[:, here] = found.reshape(rows, len(here), *detector.shape)
    images = _spread(images.reshape(-1, *detector.shape), spot_width).reshape(images.shape)
    maps = np.stack([which == 0, which == 1])[:, None] * profile[:, None]
    if edge > 0:
        images = scipy.ndimage.gaussian_filter(images, (edge, edge, 0, 0), mode="nearest")
        maps = scipy.ndimage.gaussian_filter(maps, (0, edge, edge), mode="nearest")
    images = (1 - film) * images + film * detector.halo()
    beam = _spread(_point(detector), spot_width)[0]
    # A segment's mean pattern beside that of the vacuum, as if it were as thick everywhere.
    patterns = [(1 - film) * beam + film * detector.halo()]
    patterns += [_pure(images, each, patterns[0]) for each in maps]
    maps = np.concatenate([1 - maps.sum(axis=0, keepdims=True), maps])
    return assemble(
        settings, np.stack(patterns), np.clip(maps, 0, 1), detector, noise_rng, ("vacuum", "crystal", "twin"),
        expectation=lambda row: images[row].copy(), phases=np.array([0, 1, 1]),
    )  # fmt: skip


def _hexagon(n):
    """Relative thickness along a line across a hexagonal wire, flat in the middle."""
    across = np.abs(np.arange(n) - (n - 1) / 2) / (0.36 * n)
    return np.clip(2 * (1 - across), 0, 1)


def _point(detector):
    """Image of the direct beam alone."""
    point = Disk(np.zeros((1, 2)), np.ones(1))
    return np.asarray(pixels_of(detector, np.zeros((1, 2)), point).todense()).reshape(1, *detector.shape)


def _pure(images, share, vacuum):
    """Mean pattern where the share of one crystal is above one half, the vacuum where there is none of it."""
    inside = share > 0.5
    return images[inside].mean(axis=0) if inside.any() else vacuum

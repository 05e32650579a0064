"""Scans for tests of the engine: a tiny random one, and a large one written block by block."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import scipy

from ._build import assemble, make_detector
from ._checks import check_count, check_dose, check_range, check_seed, check_shape, generators
from ._crystals import random_spots
from ._maps import film_grains, spread_points
from ._noise import count_dtype, draw_block, fits, largest_expectation
from ._patterns import BEAM_ENERGY, Detector, rotate, unit
from ._phantom import Phantom


def random_scan(
    *,
    shape: tuple[int, int, int, int] = (3, 4, 10, 20),
    k: int = 2,
    dose: float | None = 200.0,
    pixel_size: float = 0.05,
    step: float = 1.0,
    seed: int | None = 0,
) -> Phantom:
    """Simulate a small low-rank scan of any shape for unit tests.

    Patterns are random blobs, and maps are random shares (Dirichlet) that sum to 1. The scan is not physical.

    Parameters
    ----------
    shape : tuple of 4 int
        Shape of the scan, (scan_row, scan_col, det_row, det_col).
    k : int
        Number of components.
    dose : float or None
        Electrons per pattern. With None there is no noise.
    pixel_size, step, seed
        As for `kimoto`.

    Returns
    -------
    Phantom

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> phantoms.random_scan(shape=(2, 3, 9, 8), k=3).maps.shape
    (3, 2, 3)
    """
    settings = dict(locals(), builder="random_scan")
    shape = check_shape("shape", shape, length=4)
    k = check_count("k", k)
    check_range("pixel_size", pixel_size, 0, open_low=True)
    settings["seed"] = check_seed(seed)
    structure, pattern_rng, noise_rng = generators(settings["seed"])
    detector = Detector(shape[2:], tuple((n - 1) / 2 for n in shape[2:]), float(pixel_size))
    blobs = pattern_rng.gamma(0.3, size=(k, *shape[2:]))
    patterns = np.stack([unit(scipy.ndimage.gaussian_filter(b, 1.0) + 1e-3) for b in blobs])
    maps = np.moveaxis(structure.dirichlet(np.full(k, 0.7), size=shape[:2]), -1, 0)
    names = tuple(f"component {i}" for i in range(k))
    return assemble(settings, patterns, maps, detector, noise_rng, names)


def _create_store(path, shape, chunks, dtype):
    """A new zarr array at `path`; an existing one there is refused rather than overwritten."""
    try:
        import zarr
    except ImportError as error:
        raise ImportError("large_scan needs zarr: pip install zarr") from error
    try:
        return zarr.open(str(path), mode="w-", shape=shape, chunks=chunks, dtype=dtype)
    except Exception as error:  # zarr's own classes differ between its versions
        raise OSError(f"path must be new and writable by zarr, found {str(path)!r}: {error}") from error


def _blocks(scan_shape, chunks):
    """Scan slices of each storage chunk, row-major."""
    for row in range(0, scan_shape[0], chunks[0]):
        for col in range(0, scan_shape[1], chunks[1]):
            yield slice(row, row + chunks[0]), slice(col, col + chunks[1])


def _large_truth(shape, k, scale, pixel_size, seed):
    """Detector, patterns (electrons) and maps of `large_scan`."""
    detector = make_detector(shape[2:], None, pixel_size)
    structure, pattern_rng = generators(seed, 2)
    scattered = [detector.halo()]
    for _ in range(k - 1):
        xy, intensity = random_spots(detector, pattern_rng)
        xy = rotate(xy, pattern_rng.uniform(0, 360))
        scattered.append(0.9 * unit(detector.spots(xy, intensity, 4.0)) + 0.1 * detector.diffuse())
    if k == 1:
        return detector, np.stack(scattered) * scale, np.ones((1, *shape[:2]))
    points = spread_points(k - 1, shape[:2], structure)
    grains = film_grains(points, shape[:2], 0.5, 1.0, structure)
    amorphous = 0.3 + 0.2 * np.linspace(0, 1, shape[1]) * np.ones((shape[0], 1))
    return detector, np.stack(scattered) * scale, np.concatenate([amorphous[None], (1 - amorphous) * grains])


def large_scan(
    path: str | os.PathLike[str],
    *,
    shape: tuple[int, int, int, int] = (128, 128, 256, 256),
    k: int = 8,
    dose: float | None = 2e3,
    chunks: tuple[int, int, int, int] = (16, 16, 256, 256),
    dtype: Any = None,
    pixel_size: float | None = None,
    step: float = 1.0,
    seed: int | None = 0,
) -> Phantom:
    """Write a scan too large for memory to a zarr store, block by block.

    The scan has an amorphous film and k - 1 grains with inclined boundaries. Only one block of positions is in memory at a
    time. Each has a separate generator spawned from the seed, so the scan does not depend on the order of the blocks, but it
    does depend on `chunks`. At low dose the electrons are placed one by one, which takes about 50 ms per million.

    Parameters
    ----------
    path : str or path-like
        Path of the zarr array. It must not exist yet.
    shape : tuple of 4 int
        Shape of the scan, (scan_row, scan_col, det_row, det_col).
    k : int
        Number of components, including the amorphous film.
    dose : float
        Electrons per pattern.
    chunks : tuple of 4 int
        Storage chunks, cropped to the shape. Chunks of the detector only affect the storage.
    dtype : numpy dtype, optional
        Data type. By default uint16, or uint32 if counts could overflow. An integer type that could overflow is refused.
    pixel_size, step, seed
        As for `kimoto`.

    Returns
    -------
    Phantom
        The phantom, whose `data` is a lazy dask array of the store.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.
    ImportError
        If zarr is not installed.
    OSError
        If the store cannot be created.

    Examples
    --------
    >>> import tempfile
    >>> from unmix4d import phantoms
    >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +SKIP
    ...     p = phantoms.large_scan(folder + "/scan.zarr", shape=(4, 5, 32, 30), k=3, chunks=(2, 5, 32, 30))
    ...     p.data.chunksize
    (2, 5, 32, 30)
    """
    settings = dict(locals(), builder="large_scan", path=str(path))
    shape = check_shape("shape", shape, length=4)
    chunks = tuple(min(c, n) for c, n in zip(check_shape("chunks", chunks, length=4), shape))
    k = check_count("k", k)
    if dose is None:
        raise ValueError("dose must be a number of electrons per pattern for a large scan, found None")
    seed = settings["seed"] = check_seed(seed)
    check_range("step", step, 0, open_low=True)
    detector, patterns, maps = _large_truth(shape, k, check_dose(dose), pixel_size, seed)
    largest = largest_expectation(patterns, maps)
    dtype = count_dtype(largest) if dtype is None else np.dtype(dtype)
    if dtype.kind in "ui" and not fits(largest, dtype):
        raise ValueError(f"dtype must hold counts of up to {largest:.3g} and their noise, found {dtype}")
    store = _create_store(path, shape, chunks, dtype)
    flat = patterns.reshape(k, -1)
    blocks = list(_blocks(shape[:2], chunks))
    # The first two children of the seed made the truth; blocks come from a branch of their own.
    seeds = np.random.SeedSequence(entropy=seed, spawn_key=(2,)).spawn(len(blocks))
    for (rows, cols), block_seed in zip(blocks, seeds):
        weights = maps[:, rows, cols]
        counts = draw_block(flat, weights.reshape(k, -1).T, np.random.default_rng(block_seed), dtype)
        store[rows, cols] = counts.reshape(weights.shape[1:] + shape[2:])
    import dask.array as da

    names = ("amorphous", *(f"grain {i + 1}" for i in range(k - 1)))
    return Phantom(
        data=da.from_array(store, chunks=chunks),
        patterns=patterns,
        maps=maps,
        centre=detector.centre,
        pixel_size=detector.pixel_size,
        step=float(step),
        names=names,
        phases=np.arange(k),
        settings=settings,
        beam_energy=BEAM_ENERGY,
    )

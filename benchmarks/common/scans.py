"""The scans of the benchmarks, each with its truth, in a form that every program can be given.

A `Case` is written to a temporary folder once (``counts.npy``, ``counts.zarr``, ``truth.npz``, ``case.json``)
and read again by the process of every program, so that all of them see the same electrons, mask and k.
"""

import json
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from common.command import Skipped, need_files

__all__ = ["Case", "cathode_vectors", "film_file", "film_scan", "film_view", "sped_scan", "write_zarr"]

_CHUNK = 16  # probe positions per side of a storage chunk


class Case:
    """One scan with its truth, kept in a folder.

    Parameters
    ----------
    folder : path-like
        As written by `Case.write`.

    Attributes
    ----------
    facts : dict
        ``k``, ``direct_beam`` (pixels), ``centre``, ``pixel_size`` (1/A), ``step`` (nm), ``names``.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.facts = json.loads((self.folder / "case.json").read_text())

    @classmethod
    def write(cls, folder, counts, *, patterns=None, maps, **facts):
        """Write scan, truth and facts; returns the case."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "counts.npy", counts)
        write_zarr(folder / "counts.zarr", counts)
        truth = {"maps": maps} if patterns is None else {"maps": maps, "patterns": patterns}
        np.savez(folder / "truth.npz", **truth)
        (folder / "case.json").write_text(json.dumps(facts))
        return cls(folder)

    def counts(self):
        """The whole scan in memory."""
        return np.load(self.folder / "counts.npy")

    def lazy_counts(self):
        """The scan as a dask array on its zarr store."""
        import dask.array as da

        return da.from_zarr(str(self.folder / "counts.zarr"))

    def view(self, counts):
        """`Unmix` of a plain array, direct beam masked."""
        from unmix4d import Unmix

        facts = self.facts
        view = Unmix(counts, centre=facts["centre"], pixel_size=facts["pixel_size"], pixel_unit="1/A",
                     step=facts["step"], step_unit="nm")  # fmt: skip
        return view.prepare(direct_beam=facts["direct_beam"])

    def detector_mask(self, counts):
        """True at the pixels under the direct beam, which no program is to see."""
        view = self.view(counts)
        return ~view.geometry.kept_pixels.reshape(view.shape[2:])

    def truth(self, mask):
        """What `unmix4d.scores.score` compares with."""
        with np.load(self.folder / "truth.npz") as file:
            return SimpleNamespace(**dict(file), names=self.facts["names"], detector_mask=mask)

    def pyxem_signal(self, lazy):
        """The scan as an electron diffraction signal with the calibration of the file."""
        from pyxem.signals import ElectronDiffraction2D, LazyElectronDiffraction2D

        if lazy:
            signal = LazyElectronDiffraction2D(self.lazy_counts())
        else:
            signal = ElectronDiffraction2D(self.counts())
        row, col = self.facts["centre"]
        for axis, centre in zip(signal.axes_manager.signal_axes, (col, row)):
            axis.scale = self.facts["pixel_size"]
            axis.offset = -centre * axis.scale
            axis.units = "$A^{-1}$"
        for axis in signal.axes_manager.navigation_axes:
            axis.scale, axis.units = self.facts["step"], "nm"
        return signal

    def datacube(self):
        """The scan as a py4DSTEM DataCube with the same calibration."""
        import py4DSTEM

        cube = py4DSTEM.DataCube(data=self.counts())
        known = cube.calibration
        known.set_Q_pixel_size(self.facts["pixel_size"])
        known.set_Q_pixel_units("A^-1")
        known.set_R_pixel_size(self.facts["step"] * 10)
        known.set_R_pixel_units("A")
        known.set_origin(tuple(self.facts["centre"]))
        return cube


def write_zarr(path, counts):
    """A zarr store with chunks of whole patterns."""
    import zarr

    chunks = tuple(min(_CHUNK, n) for n in counts.shape[:2]) + counts.shape[2:]
    store = zarr.open(str(path), mode="w", shape=counts.shape, chunks=chunks, dtype=counts.dtype)
    store[...] = counts


def sped_scan(data, folder, *, sigma=2.0, dose=2e4, seed=0):
    """Measured SPED patterns of five silver grains, mixed linearly by softened maps of the same grains.

    Every pattern is scaled to `dose` counts; the boolean grain maps are smoothed by a Gaussian of `sigma`
    positions and say how much of each pattern a position sees; counts are Poisson. Positions outside all
    grains stay dim.

    Parameters
    ----------
    data : Path
        Folder with ``sped_ag_grain_patterns.hspy`` and ``sped_ag_grain_labels.hspy``.
    folder : Path
        Where the case goes.

    Returns
    -------
    Case
    """
    from scipy.ndimage import gaussian_filter

    need_files(data, "sped_ag_grain_patterns.hspy", "sped_ag_grain_labels.hspy")
    measured, detector = _read_hspy(data / "sped_ag_grain_patterns.hspy")
    labels, scan = _read_hspy(data / "sped_ag_grain_labels.hspy")
    patterns = dose * measured / measured.sum(axis=(1, 2), keepdims=True, dtype=float)
    maps = gaussian_filter(labels.astype(float), (0, sigma, sigma))
    names = [f"grain {i + 1} ({n} positions)" for i, n in enumerate(labels.sum(axis=(1, 2)))]
    return Case.write(
        folder,
        _counts(patterns, maps, np.random.default_rng(seed)),
        patterns=patterns,
        maps=maps,
        names=names,
        k=len(names),
        direct_beam=6,
        centre=[-axis["offset"] / axis["scale"] for axis in detector],
        pixel_size=detector[0]["scale"],
        step=scan[0]["scale"],
    )


def _counts(patterns, maps, rng):
    """Poisson counts of a linear mixture, a row of the scan at a time."""
    flat = patterns.reshape(len(patterns), -1)
    counts = np.empty((*maps.shape[1:], *patterns.shape[1:]), np.uint16)
    for row in range(len(counts)):
        counts[row] = rng.poisson(maps[:, row].T @ flat).reshape(counts[row].shape)
    return counts


def _read_hspy(path):
    """Data of the only signal in an hspy file, and the last two axes (row, column) with scale and offset."""
    import h5py

    with h5py.File(path) as file:
        group = next(iter(file["Experiments"].values()))
        data = group["data"][:]
        axes = [dict(group[f"axis-{i}"].attrs) for i in (data.ndim - 2, data.ndim - 1)]
    return data, [{key: float(axis[key]) for key in ("scale", "offset")} for axis in axes]


def film_file(data, which="overlap"):
    """Arrays of the multislice simulation of a silver film, by name; thickness in atoms."""
    need_files(data, f"ag_film_{which}.npz")
    with np.load(data / f"ag_film_{which}.npz") as file:
        return dict(file)


def film_scan(data, folder):
    """Sixteen overlapping silver grains; the truth is the thickness of each."""
    film = film_file(data)
    names = [f"grain {i + 1}" for i in range(len(film["thickness"]))]
    return Case.write(
        folder, film["counts"], maps=film["thickness"], names=names, k=17, direct_beam=6, centre=[68.0, 68.0],
        step=float(film["step"]) / 10, pixel_size=float(film["k_step"]),
    )  # fmt: skip


def film_view(data, which="overlap"):
    """View of a film (sparse, overlap or dense), with more of the direct beam masked, and the thickness of its grains."""
    from unmix4d import Unmix

    film = film_file(data, which)
    facts = {"pixel_size": float(film["k_step"]), "pixel_unit": "1/A", "step": float(film["step"]), "step_unit": "A"}
    return Unmix(film["counts"], centre=(68, 68), **facts).prepare(direct_beam=10), film["thickness"]


def cathode_vectors(data):
    """Measured Bragg vectors of a particle of a battery cathode, as py4DSTEM reads them."""
    need_files(data, "cathode_bragg_vectors.h5")
    try:
        import py4DSTEM
    except ImportError:
        raise Skipped("py4DSTEM is not installed") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return py4DSTEM.read(str(data / "cathode_bragg_vectors.h5"))

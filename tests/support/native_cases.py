"""What is read from objects of the hosts and given back to them, by name: what `tests/reference/natives.json` keeps.

Those of pyxem begin with "pyxem", those of py4DSTEM with "py4dstem".
"""

import dataclasses
import functools
import math
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np

from unmix4d import Decomposition, Unmix, hosts
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.core.scan import HostRecord, Scan
from unmix4d.hosts import bragg_vectors, completeness, disk_detection, opening, polar, py4dstem, scan_shape
from unmix4d.hosts.beam import positions_of
from unmix4d.hosts.hyperspy_metadata import from_json, to_json

from .figure_cases import answer, corner

__all__ = ["CASES"]

SHAPE = (4, 5, 8, 9)


def counts(shape=SHAPE, dtype=np.uint16):
    return (np.arange(math.prod(shape)) * 7919 % 101).reshape(shape).astype(dtype)


# pyxem


def signal(kind="ElectronDiffraction2D", shape=SHAPE, axes=(), metadata=None, lazy=False):
    """A signal, its axes in the order of the array, each a dict."""
    import pyxem.signals

    made_ = getattr(pyxem.signals, kind)(counts(shape))
    for axis, told in zip(made_.axes_manager._axes, axes):
        for name, value in told.items():
            setattr(axis, name, value)
    for key, value in (metadata or {}).items():
        made_.metadata.set_item(key, value)
    return made_.as_lazy() if lazy else made_


SCAN_AXES = (
    {"name": "y", "scale": 2.0, "offset": 5.0, "units": "nm"},
    {"name": "x", "scale": 3.0, "offset": -1.0, "units": "nm"},
)
DETECTOR = (
    {"name": "ky", "scale": 0.1, "offset": -0.35, "units": "$A^{-1}$"},
    {"name": "kx", "scale": 0.12, "offset": -0.5, "units": "$A^{-1}$"},
)
TURNED = ({**SCAN_AXES[0], "scale": -2.0}, SCAN_AXES[1], {**DETECTOR[0], "scale": -0.1, "offset": 0.35}, DETECTOR[1])
MIXED = ({**SCAN_AXES[0], "units": "Å"}, SCAN_AXES[1], {**DETECTOR[0], "units": "mrad"}, DETECTOR[1])
POLAR = (
    {},
    {},
    {"units": "Rad", "scale": 2 * math.pi / 8, "offset": -math.pi},
    {"units": "$A^{-1}$", "scale": 0.05, "offset": 0.1},
)
TEM = "Acquisition_instrument.TEM."
MICROSCOPE = {
    TEM + "beam_energy": 200.0,
    TEM + "convergence_angle": 1.5,
    TEM + "rocking_angle": 10.0,
    "General.title": "gold",
    "General.notes": ["one", 2, 3.5],
    "Signal.quantity": "Intensity (counts)",
}


def of(obj, k=2, mask=True, **options):
    """A result of a scan, or of a prepared one, that nothing had to be computed for."""
    view = Unmix(obj)
    if options:
        view = view.prepare(**options)
    scan = view._scan if hasattr(view, "_scan") else view.scan
    geometry = scan.geometry
    rng = np.random.default_rng(0)
    patterns = geometry.to_images(rng.random((k, geometry.n_pixels), dtype=np.float32))
    maps = geometry.to_maps(rng.random((geometry.n_positions, k), dtype=np.float32))
    settings = {
        "n": 2,
        "tol": 1e-4,
        "init": None,
        "ks": [3, 4],
        "crop": [[0, 4], [2, 6]],
        "constraints": [{"name": "Friedel"}],
    }
    return Decomposition("nmf", patterns, maps, np.full(k, 1 / k), 0.1, geometry, settings, host=scan.host)


def both(obj, **options):
    return of(obj, **options).to_host()


def read(obj):
    scan = hosts.read_scan(obj)
    return {
        "geometry": scan.geometry,
        "host": scan.host,
        "centres": scan.centres,
        "dtype": str(scan.dtype),
        "shape": scan.shape,
    }


def masked(kind, shape=(8, 9)):
    return signal(kind, axes=SCAN_AXES + DETECTOR, metadata={"General.mask": corner(shape)})


def curved():
    made_ = signal(axes=SCAN_AXES + DETECTOR)
    made_.axes_manager[0].convert_to_non_uniform_axis()
    return made_


# py4DSTEM


def cube(shape=SHAPE, name="gold", energy=None, **known):
    import py4DSTEM

    made_ = py4DSTEM.DataCube(counts(shape), name=name)
    known = {
        "Q_pixel_size": 0.05,
        "Q_pixel_units": "A^-1",
        "R_pixel_size": 2.5,
        "R_pixel_units": "A",
        "origin": (4.25, 3.5),
    } | known
    for key, value in known.items():
        if value is not None:
            getattr(made_.calibration, f"set_{key}")(value)
    if energy is not None:
        made_.calibration["beam_energy"] = energy
    return made_


def origins(hole=False):
    rows = 4 + 0.1 * np.arange(20.0).reshape(4, 5)
    if hole:
        rows[1, 2] = np.nan
    return rows, 3.0 - 0.05 * rows


def attached(times=2):
    """Branches of a cube, each of another name."""
    home = cube()
    result = of(home)
    return [result.attach(home) for _ in range(times)]


def changed_totals(by=1.0, **view_settings):
    """A result that knows the totals of its scan, one of them another one."""
    home = cube()
    result, totals = of(home), np.asarray(home.data.sum((2, 3)), float)
    totals[1, 2] += by
    return dataclasses.replace(result, totals=totals, settings={"view": view_settings})


FULL = {"ellipse": (1.1, 0.9, 0.4), "QR_rotation_degrees": 12.0, "QR_flip": True, "convergence_semiangle_mrad": 2.0}


def refuse_attach(home, **options):
    return of(cube(), **options).attach(home)


# quantem


class Dataset4dstem:
    """What a quantem dataset looks like from outside."""

    def __init__(self, sampling=(1, 1, 1, 1), origin=(0, 0, 0, 0), units=("pixels",) * 4, on_gpu=False):
        self._kept, self.units, self.name = counts(), list(units), "gold"
        self.array = object() if on_gpu else self._kept
        self.sampling, self.origin = np.array(sampling, float), np.array(origin, float)

    def numpy(self):
        return self._kept


ANGSTROM = ("A", "A", "A^-1", "A^-1")

# Bragg vectors

SPOTS = (
    (0, 0, 0.0, 0.0, 50.0),
    (0, 0, 9.0, -4.0, 3.0),
    (0, 1, -6.3, 12.2, 2.0),
    (1, 2, 9.4, -4.4, 5.0),
    (1, 2, 9.0, 5.0, 1.0),
)
FIELDS = [("qx", float), ("qy", float), ("intensity", float)]
CENTRE = (21.0, 19.5)


def lists(scale=1.0, centre=(0, 0), fields=FIELDS, spots=SPOTS):
    from emdfile import PointListArray

    found = PointListArray(fields, (2, 3))
    for i, j, row, col, intensity in spots:
        entry = (row * scale + centre[0], col * scale + centre[1], intensity)[: len(fields)]
        found[i, j].add(np.array([entry], dtype=fields))
    return found


def braggs(origin=CENTRE, unit="A^-1", size=0.02, **known):
    from py4DSTEM import Calibration as Theirs
    from py4DSTEM.braggvectors import BraggVectors

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calibration = Theirs()
        for key, value in {
            "Q_pixel_size": size,
            "Q_pixel_units": unit,
            "R_pixel_size": 2.0,
            "R_pixel_units": "nm",
            "origin": origin,
            **known,
        }.items():
            if value is not None:
                getattr(calibration, f"set_{key}")(value)
        found = BraggVectors((2, 3), (44, 40), calibration=calibration)
    for i, j, row, col, intensity in SPOTS:
        found._v_uncal[i, j].add(np.array([(row + CENTRE[0], col + CENTRE[1], intensity)], dtype=FIELDS))
    return found


def peaks(scale=0.02, centre=CENTRE, units=("$A^{-1}$",) * 2, columns=3, shape=(2, 3), navigation=()):
    from hyperspy.signals import BaseSignal
    from pyxem.signals import DiffractionVectors

    held = np.empty(shape, object)
    for at in np.ndindex(*shape):
        here = at if len(at) == 2 else (0, *at)
        found = [(row + CENTRE[0], col + CENTRE[1], v)[:columns] for a, b, row, col, v in SPOTS if (a, b) == here]
        held[at] = np.array(found) if found else np.full((1, columns), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = DiffractionVectors.from_peaks(
            BaseSignal(held, ragged=True), center=centre, calibration=[scale] * 2, column_names=("ky", "kx"), units=units
        )
    for axis, told in zip(found.axes_manager.navigation_axes[::-1], navigation):
        for name, value in told.items():
            setattr(axis, name, value)
    return found


def vectors(obj, **options):
    found = bragg_vectors.read(obj, **options)
    disks = found.disks
    return {
        "disks": {
            name: getattr(disks, name)
            for name in ("scan_shape", "position", "q_row", "q_col", "intensity", "unit", "pixel_size")
        },
        "host": found.host,
        "calibration": found.calibration,
        "detector_shape": found.detector_shape,
        "round": found.round,
    }


def default(shape=(44, 40), centre=CENTRE, **calibration):
    return ScanGeometry((2, 3), shape, centre=centre, calibration=Calibration(**calibration))


@functools.cache
def spotted(radius=2.6, size=(48, 44), scan=(3, 4), noise=True):
    """Disks on a background, of two kinds."""
    rng = np.random.default_rng(5)
    row, col = np.indices(size)
    patterns = np.full((*scan, *size), 1.0)
    for at in np.ndindex(*scan):
        for n, (i, j, strength) in enumerate(
            [(23.5, 21.2, 90.0), (11.2, 30.4, 40.0), (35.7, 12.1, 25.0), (2.0, 3.0, 30.0), (34.0, 33.3, 9.0)]
        ):
            shift = 0.3 * at[0] if n else 0.0
            patterns[at] += strength / (1 + np.exp(3 * (np.hypot(row - i - shift, col - j + 0.2 * at[1]) - radius)))
    return rng.poisson(patterns).astype(np.float32) if noise else patterns.astype(np.float32)


def disks(detector, radius=None, mask=None, centres=False, scan_mask=None, kind="array", **options):
    data = spotted()
    at = np.stack(np.meshgrid(23 + 0.1 * np.arange(3), 21 + 0.2 * np.arange(4), indexing="ij"), -1) if centres else None
    geometry = ScanGeometry((3, 4), data.shape[2:], detector_mask=mask, scan_mask=scan_mask, centre=(23.0, 21.0))
    scan, done = Scan(data, geometry, centres=at, host=HostRecord(kind)), []
    mean = data.mean((0, 1))
    found, settings = disk_detection.find_disks(
        scan, mean, detector=detector, radius=radius, options=options, tick=done.append
    )
    return {
        "disks": [found.position, found.q_row, found.q_col, found.intensity, found.unit, found.pixel_size],
        "settings": settings,
        "ticks": done,
    }


def radius_of(pattern):
    return disk_detection.disk_radius(pattern)


def options(radius, **given):
    return [disk_detection.detection_options(one, radius, given) for one in ("py4dstem", "pyxem")]


# Polar patterns


def polar_view(**axes):
    told = [{**one, **axes.get(name, {})} for name, one in zip(("y", "x", "phi", "r"), POLAR)]
    return hosts.read_scan(signal("PolarDiffraction2D", (2, 3, 8, 9), told))


def grid(scan):
    found = polar.polar_grid(scan, "it")
    return {name: getattr(found, name) for name in vars(found) if name != "geometry"}


def transformed(kind, ellipse=None, mask=None, size=(1.0, 1.0), dtype=np.float32, centre=(9.0, 8.6)):
    data = spotted(noise=False)[:2, :2, 14:30, 12:28].astype(dtype)
    calibration = Calibration(pixel_size=size, pixel_unit="1/nm", step=(2, 3), step_unit="nm", scan_origin=(1.0, 2.0))
    geometry = ScanGeometry(
        (2, 2), data.shape[2:], centre=centre, ellipse=ellipse, detector_mask=mask, calibration=calibration
    )
    scan, found = polar.polar_scan(Scan(data, geometry, host=HostRecord(kind)), "it")
    return {
        "values": scan.patterns,
        "sample": scan.patterns[0, 0, ::40, 1:7],
        "geometry": scan.geometry,
        "grid": {name: getattr(found, name) for name in vars(found) if name != "geometry"},
    }


# Beam positions


def beam(measured, shape=(4, 5), detector=(8, 9)):
    return positions_of(measured, ScanGeometry(shape, detector))


def shifts(units=None, size=(8, 9), shape=(4, 5)):
    import pyxem.signals

    found = pyxem.signals.BeamShift(np.arange(2.0 * math.prod(shape)).reshape(*shape, 2) / 10)
    if units is not None:
        found.units = [units, units]
    if size is not None:
        found.metadata.set_item("Shifts.signal_axes", tuple(signal(shape=(*shape, *size)).axes_manager.signal_axes))
    return found


# Files


def opened(name, write, **how):
    """What opening a file gives or says, without the folder it lay in."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        write(path)
        try:
            found = opening.open_scan(path, **how)
        except (OSError, ImportError, ValueError) as error:
            return f"{type(error).__name__}: {str(error).replace(folder + os.sep, '')}"
        data = found.data if hasattr(found, "axes_manager") or type(found).__name__ == "DataCube" else found
        told = {
            "class": type(found).__name__,
            "shape": list(data.shape),
            "lazy": str(getattr(found, "_lazy", "")),
            "values": np.asarray(data),
            "name": getattr(found, "name", None),
        }
        if hasattr(found, "axes_manager"):
            told["axes"] = [one.get_axis_dictionary() for one in found.axes_manager._axes]
        if hasattr(data, "file"):
            data.file.close()
        return told


def hdf5(*entries, **attributes):
    """A writer of datasets: (name, shape)."""
    import h5py

    def write(path):
        with h5py.File(path, "w") as file:
            for name, shape in entries:
                file[name] = counts(shape)
            file.attrs.update(attributes)

    return write


def saved_cube(path, **options):
    import py4DSTEM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        py4DSTEM.save(path, cube(**options), mode="o")


def saved_signal(shape=SHAPE, **options):
    def write(path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made_ = signal(shape=shape, **options)
            made_.save(path if path.endswith((".hspy", ".zspy")) else path + ".hspy")
            if not path.endswith((".hspy", ".zspy")):
                os.rename(path + ".hspy", path)

    return write


def with_a_gap(path):
    """One block of the data is not there."""
    saved_signal()(path)
    blocks = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names if "/data/" in f"{folder}/"]
    os.remove(min(one for one in blocks if not os.path.basename(one).startswith(".")))


def framed(read_, promised):
    made_ = signal(shape=(read_, 8, 9), axes=({"units": "nm"},))
    made_.original_metadata.set_item("hdr_file.Frames in Acquisition (Number)", promised)
    return made_


def said_of(scan):
    completeness.look_for_gaps(scan, "a.mib")


def npy(shape):
    def write(path):
        with open(path, "wb") as file:
            np.save(file, counts(shape))

    return write


def nothing(path):
    Path(path).touch()


JSON = {
    "number": np.float32(1.5),
    "text": "a",
    "array": np.arange(3),
    "nested": {"_HyperSpy": 1, "_sig_x": 2, "kept": [1, np.nan, None]},
    "many": list(range(5000)),
    "nan": float("nan"),
    "large": np.zeros(5000),
    "limit": list(range(4096)),
    "floats": np.array([1.0, np.inf]),
    "words": np.array(["a", "b"]),
    "set": {1},
}

CASES = {
    # reading signals
    "pyxem, read fresh": lambda: read(signal()),
    "pyxem, read calibrated": lambda: read(signal(axes=SCAN_AXES + DETECTOR, metadata=MICROSCOPE)),
    "pyxem, read turned": lambda: read(signal(axes=TURNED)),
    "pyxem, read mixed": lambda: read(signal(axes=MIXED)),
    "pyxem, read polar": lambda: read(signal("PolarDiffraction2D", axes=POLAR)),
    "pyxem, read line": lambda: read(signal(shape=(5, 8, 9), axes=SCAN_AXES[1:] + DETECTOR)),
    "pyxem, read one pattern": lambda: read(signal(shape=(8, 9), axes=DETECTOR)),
    "pyxem, read lazy": lambda: read(signal(lazy=True)),
    "pyxem, read masked": lambda: read(masked("Diffraction2D")),
    "pyxem, read mask of another shape": lambda: read(masked("Diffraction2D", (9, 8))),
    "pyxem, read offset only": lambda: read(signal(axes=({}, {}, {"offset": -3.0}, {}))),
    "pyxem, read scale only": lambda: read(signal(axes=({}, {}, {}, {"scale": 0.5}))),
    "pyxem, read unit only": lambda: read(signal(axes=({}, {}, {"units": "mrad"}, {"units": "mrad"}))),
    "pyxem, read precession": lambda: read(
        signal(metadata={TEM + "precession_angle": 0.7, TEM + "rocking_angle": 9.0, TEM + "beam_energy": "many"})
    ),
    "pyxem, read transposed": lambda: read(signal(axes=SCAN_AXES + DETECTOR).transpose(navigation_axes=(1, 0))),
    "pyxem, read four navigation axes": lambda: read(signal(shape=(2, 2, 2, 2, 8, 9))),
    "pyxem, read one signal axis": lambda: read(signal().transpose(signal_axes=1)),
    "pyxem, read scale of zero": lambda: read(signal(axes=({}, {}, {"scale": 0.0}))),
    "pyxem, read offset of infinity": lambda: read(signal(axes=({}, {}, {"offset": math.inf}))),
    "pyxem, read curved": lambda: read(curved()),
    # giving results back to pyxem
    "pyxem, results": lambda: both(signal(axes=SCAN_AXES + DETECTOR, metadata=MICROSCOPE)),
    "pyxem, results fresh": lambda: both(signal("Diffraction2D")),
    "pyxem, results turned": lambda: both(signal(axes=TURNED)),
    "pyxem, results mixed": lambda: both(signal(axes=MIXED)),
    "pyxem, results polar": lambda: both(signal("PolarDiffraction2D", axes=POLAR)),
    "pyxem, results line": lambda: both(signal(shape=(5, 8, 9), axes=SCAN_AXES[1:] + DETECTOR)),
    "pyxem, results one pattern": lambda: both(signal(shape=(8, 9), axes=DETECTOR)),
    "pyxem, results lazy": lambda: both(signal(lazy=True, axes=SCAN_AXES + DETECTOR)),
    "pyxem, results masked": lambda: of(masked("Diffraction2D")).to_host(fill_value=-1),
    "pyxem, results cropped": lambda: both(signal(axes=SCAN_AXES + DETECTOR), crop=((2, 8), (1, 9)), bin=(2, 2)),
    "pyxem, results turned and binned": lambda: both(signal(axes=TURNED), bin=(2, 3), scan_mask=corner((4, 5))),
    "pyxem, results mixed and binned": lambda: both(signal(axes=MIXED), crop=((2, 8), (1, 9)), bin=(2, 2)),
    "pyxem, results centred": lambda: of(Unmix(signal(axes=SCAN_AXES + DETECTOR), centre=(3.0, 4.0))._scan).to_host(),
    "pyxem, results in another unit": lambda: of(
        Unmix(signal(axes=MIXED), pixel_size=0.2, pixel_unit="1/nm", step=4.0, step_unit="nm")._scan
    ).to_host(),
    "pyxem, fill value": lambda: of(signal()).to_host(fill_value="none"),
    "pyxem, fill value too large": lambda: of(signal()).to_host(fill_value=1e300),
    "pyxem, grains": lambda: hosted("grains", signal),
    "pyxem, chosen grains": lambda: hosted("grains", signal, chosen=[1, 0]),
    "pyxem, grains of no number": lambda: hosted("grains", signal, chosen=[99]),
    "pyxem, grains of nothing": lambda: hosted("grains", signal, chosen=[]),
    "pyxem, overlap": lambda: hosted("overlap", signal),
    "pyxem, groups": lambda: grouped(signal),
    # py4DSTEM
    "py4dstem, read": lambda: read(cube()),
    "py4dstem, read all": lambda: read(cube(energy=200.0, **FULL)),
    "py4dstem, read volts": lambda: read(cube(energy=np.array([2e5]), QR_rotation_degrees=-5.0)),
    "py4dstem, read no centre": lambda: read(cube(origin=None, Q_pixel_units=None, QR_flip=True)),
    "py4dstem, read origins": lambda: read(cube(origin=origins())),
    "py4dstem, read origins with a hole": lambda: read(cube(origin=origins(True))),
    "py4dstem, read origins of another scan": lambda: read(cube(origin=(np.ones((3, 3)), np.ones((3, 3))))),
    "py4dstem, read ellipses": lambda: read(cube(ellipse=(np.ones((4, 5)), 1.0, 0.0))),
    "py4dstem, read no size": lambda: read(cube(Q_pixel_size=-1.0)),
    "py4dstem, results": lambda: both(cube(energy=200.0, **FULL)),
    "py4dstem, results plain": lambda: both(cube(origin=None, Q_pixel_units="mrad", R_pixel_units="nm")),
    "py4dstem, results binned": lambda: both(cube(), bin=(2, 3), scan_mask=corner((4, 5)), direct_beam=1.5),
    "py4dstem, results in another unit": lambda: of(
        Unmix(cube(), pixel_size=0.2, pixel_unit="1/nm", step=(1.0, 4.0), step_unit="nm")._scan
    ).to_host(),
    "py4dstem, results in mrad": lambda: of(
        Unmix(cube(), pixel_size=(0.2, 0.3), pixel_unit="mrad", step=1.0, step_unit="nm")._scan
    ).to_host(),
    "py4dstem, read no rotation": lambda: read(cube(QR_rotation_degrees=np.array([1.0, 2.0]))),
    "py4dstem, read an empty origin": lambda: read(cube(origin=(np.full((4, 5), np.nan), np.ones((4, 5))))),
    "py4dstem, read an array as a size": lambda: read(cube(Q_pixel_size=np.array([0.3]))),
    "py4dstem, read words as a size": lambda: read(cube(R_pixel_size="large")),
    "py4dstem, attach what has changed": lambda: changed_totals().attach(cube()),
    "py4dstem, attach what was averaged": lambda: changed_totals(preparation=[{"friedel": True}]).attach(cube()).name,
    "py4dstem, attach the same": lambda: changed_totals(0.0).attach(cube()).name,
    "py4dstem, attach to a third": lambda: [one.name for one in attached(3)],
    "py4dstem, what can be saved": lambda: str(
        py4dstem._savable({"a/b": [1, 2.5], "c": ["x", "y"], "d": [1, "x"], "e": np.float32(2), "f": {1}, "g": [None]})
    ),
    "py4dstem, sizes": lambda: [
        py4dstem._their_size(2.0, unit, spelling, py4dstem.Q_UNITS)
        for unit in ("1/Å", "1/nm", "mrad", "rad", "px", "eV")
        for spelling in (None, "A^-1", "1/nm")
    ],
    "py4dstem, attach": lambda: attached(),
    "py4dstem, attach to a smaller one": lambda: refuse_attach(cube((4, 5, 8, 8))),
    "py4dstem, attach to a cropped scan": lambda: refuse_attach(cube((3, 5, 8, 9))),
    "py4dstem, attach to another size": lambda: refuse_attach(cube(Q_pixel_size=0.06)),
    "py4dstem, attach to nearly the same size": lambda: refuse_attach(cube(Q_pixel_size=0.05 * (1 + 5e-4))).name,
    "py4dstem, attach to another unit": lambda: refuse_attach(cube(R_pixel_units="nm")),
    "py4dstem, attach to an unknown unit": lambda: refuse_attach(cube(R_pixel_units="pixels")).name,
    "py4dstem, attach to another centre": lambda: refuse_attach(cube(origin=(4.8, 3.5))),
    "py4dstem, attach to nearly the same centre": lambda: refuse_attach(cube(origin=(4.6, 3.9))).name,
    "py4dstem, attach to what is none": lambda: refuse_attach(np.ones(3)),
    "py4dstem, grains": lambda: hosted("grains", cube),
    "py4dstem, chosen grains": lambda: hosted("grains", cube, chosen=[1, 0]),
    "py4dstem, overlap": lambda: hosted("overlap", cube),
    "py4dstem, groups": lambda: grouped(cube),
    # arrays and quantem
    "array, read": lambda: read(counts()),
    "array, results": lambda: both(counts(), scan_mask=corner((4, 5)), bin=2),
    "array, read three axes": lambda: read(counts((4, 5, 6))),
    "array, read a word": lambda: read("scan"),
    "quantem, read": lambda: read(Dataset4dstem((2, 3, 0.1, 0.2), (5, 6, -0.4, -1.8), ANGSTROM)),
    "quantem, read on a GPU": lambda: read(Dataset4dstem(on_gpu=True)),
    "quantem, read one origin": lambda: read(Dataset4dstem((2, 3, 0.1, 0.2), (5, 6, 0.0, -1.8), ANGSTROM)),
    "quantem, read mixed": lambda: read(Dataset4dstem((2, 3, 0.1, 0.2), (5, 6, -0.4, -1.8), ("A", "nm", "A^-1", "mrad"))),
    "quantem, read three units": lambda: read(Dataset4dstem(units=ANGSTROM[:3])),
    "quantem, read three steps": lambda: read(Dataset4dstem((1, 1, 1))),
    "quantem, read zero": lambda: read(Dataset4dstem((1, 1, 0, 1))),
    "quantem, read NaN": lambda: read(Dataset4dstem((1, 1, math.nan, 1))),
    "quantem, results": lambda: both(Dataset4dstem((2, 3, 0.1, 0.2), (5, 6, -0.4, -1.8), ANGSTROM)),
    # Bragg vectors
    "py4dstem, vectors": lambda: vectors(braggs()),
    "py4dstem, vectors, all": lambda: vectors(braggs(**FULL), unit="1/nm"),
    "py4dstem, vectors, pixels": lambda: vectors(braggs(unit="pixels", size=3.0)),
    "py4dstem, vectors, centre": lambda: vectors(braggs(), centre=(20.0, 18.0)),
    "py4dstem, vectors, origins": lambda: vectors(
        braggs(origin=(20 + np.arange(6.0).reshape(2, 3), 18 + np.arange(6.0).reshape(2, 3)))
    ),
    "py4dstem, vectors, no origin": lambda: vectors(braggs(origin=None)),
    "py4dstem, vectors, origin of the scan": lambda: vectors(braggs(origin=None), default=default()),
    "py4dstem, vectors, origin of another scan": lambda: vectors(braggs(origin=None), default=default((44, 41))),
    "py4dstem, lists": lambda: vectors(lists(0.05)),
    "py4dstem, long lists": lambda: vectors(lists()),
    "py4dstem, lists in a unit": lambda: vectors(lists(), unit="mrad", centre=(1.0, 2.0)),
    "py4dstem, lists in a corner": lambda: vectors(lists(centre=CENTRE)),
    "py4dstem, lists of the scan": lambda: vectors(lists(centre=CENTRE), default=default()),
    "py4dstem, lists outside of the scan": lambda: vectors(lists(centre=CENTRE), default=default((31, 31), (20, 20))),
    "py4dstem, lists at the edge of the scan": lambda: vectors(
        lists(centre=(6.0, 4.5)), default=default((16, 18), (6, 4.5))
    ),
    "py4dstem, lists without a centre": lambda: vectors(lists(centre=CENTRE), default=default(centre=None)),
    "py4dstem, lists of nothing": lambda: vectors(lists(spots=())),
    "py4dstem, lists without intensity": lambda: vectors(lists(0.05, fields=FIELDS[:2])),
    "py4dstem, lists of other fields": lambda: vectors(lists(0.05, fields=[("h", float), ("k", float)])),
    "pyxem, vectors": lambda: vectors(peaks(navigation=SCAN_AXES)),
    "pyxem, vectors, turned": lambda: vectors(peaks(scale=-0.02, navigation=TURNED)),
    "pyxem, vectors, mixed": lambda: vectors(peaks(navigation=MIXED)),
    "pyxem, vectors, no unit": lambda: vectors(peaks(units=None)),
    "pyxem, vectors, unit of the scan": lambda: vectors(
        peaks(units=None), default=default(pixel_size=(0.02, 0.02), pixel_unit="mrad")
    ),
    "pyxem, vectors, scale of another scan": lambda: vectors(
        peaks(units=None), default=default(pixel_size=(0.03, 0.03), pixel_unit="mrad")
    ),
    "pyxem, vectors, pixels": lambda: vectors(peaks(scale=1.0, units=("px",) * 2, centre=(0, 0))),
    "pyxem, vectors, pixels of the scan": lambda: vectors(
        peaks(scale=1.0, units=("px",) * 2, centre=(0, 0)), default=default()
    ),
    "pyxem, vectors, centre": lambda: vectors(peaks(scale=1.0, units=("px",) * 2, centre=(0, 0)), centre=(20.0, 18.5)),
    "pyxem, vectors, two columns": lambda: vectors(peaks(columns=2)),
    "pyxem, vectors, line": lambda: vectors(peaks(shape=(3,), navigation=SCAN_AXES[1:])),
    "pyxem, vectors, one pattern": lambda: vectors(peaks(shape=(1,))),
    "array, vectors": lambda: vectors(np.ones((3, 3))),
    # Bragg disks
    "array, radius": lambda: [
        radius_of(spotted().mean((0, 1))),
        radius_of(np.where(spotted()[0, 0] > 80, np.nan, spotted()[0, 0])),
    ],
    "array, no radius": lambda: radius_of(np.ones((20, 20))),
    "array, radius of nothing": lambda: radius_of(np.zeros((20, 20))),
    "array, options": lambda: [options(one) for one in (0.4, 1.0, 2.6, 6.0, 20.0)],
    "array, options given": lambda: options(2.6, minPeakSpacing=9, threshold_abs=0.1, method="dog"),
    "array, disks of nobody": lambda: disks(None),
    "array, disks of none such": lambda: disks("imagej"),
    "py4dstem, disks": lambda: disks("py4dstem"),
    "py4dstem, disks, masked": lambda: disks(
        "py4dstem", radius=3.0, mask=corner((48, 44), slice(30, 40), slice(8, 20)), scan_mask=corner((3, 4))
    ),
    "py4dstem, disks, centres": lambda: disks(None, kind="py4dstem", centres=True, minAbsoluteIntensity=5.0, maxNumPeaks=3),
    "py4dstem, disks, wrong option": lambda: str(refusal(lambda: disks("py4dstem", nonsense=1)))[:60],
    "py4dstem, disks, too large": lambda: disks("py4dstem", radius=25.0),
    "py4dstem, disks, largest": lambda: disks("py4dstem", radius=21.0)["settings"],
    "pyxem, disks": lambda: disks("pyxem"),
    "pyxem, disks, masked": lambda: disks(
        "pyxem", radius=2.0, mask=corner((48, 44), slice(30, 40), slice(8, 20)), scan_mask=corner((3, 4))
    ),
    "pyxem, disks, centres": lambda: disks("pyxem", radius=1.2, centres=True, min_distance=5),
    # polar patterns
    "pyxem, polar grid": lambda: grid(polar_view()),
    "pyxem, polar grid, degrees along columns": lambda: grid(
        polar_view(phi={"units": "mrad", "scale": 0.5, "offset": 0.2}, r={"units": "deg", "scale": -45.0, "offset": 10.0})
    ),
    "pyxem, polar grid, no angle": lambda: grid(polar_view(phi={"units": "px"})),
    "array, polar grid": lambda: grid(hosts.read_scan(counts())),
    "pyxem, polar": lambda: transformed("pyxem"),
    "pyxem, polar, masked": lambda: transformed(
        "pyxem", mask=corner((16, 16), slice(0, 6), slice(0, 4)), dtype=np.float64, centre=(8.0, 7.0)
    ),
    "pyxem, polar, elliptic": lambda: transformed("pyxem", ellipse=(1.1, 0.9, 20.0)),
    "pyxem, polar, not square": lambda: transformed("pyxem", size=(1.0, 1.1)),
    "array, polar": lambda: transformed("array"),
    "py4dstem, polar": lambda: transformed("py4dstem", ellipse=(1.1, 0.9, 20.0)),
    "py4dstem, polar, masked": lambda: transformed("py4dstem", mask=corner((16, 16), slice(0, 6), slice(0, 7))),
    # beam positions
    "array, beam": lambda: beam(np.arange(40.0).reshape(4, 5, 2)),
    "array, beam as origin": lambda: beam((np.ones((4, 5)), np.arange(20.0).reshape(4, 5))),
    "array, beam as measured origin": lambda: beam(
        (np.ones((4, 5)), np.arange(20.0).reshape(4, 5), np.arange(20).reshape(4, 5) % 3 > 0)
    ),
    "array, beam of a line": lambda: beam(np.arange(10.0).reshape(5, 2), (1, 5)),
    "array, beam of a column": lambda: beam(np.arange(10.0).reshape(5, 2), (5, 1)),
    "array, beam of another shape": lambda: beam(np.arange(10.0).reshape(5, 2), (2, 5)),
    "array, beam, ragged": lambda: beam([[1, 2], [3]]),
    "pyxem, beam": lambda: beam(shifts()),
    "pyxem, beam without axes": lambda: beam(shifts(size=None)),
    "pyxem, beam in nm": lambda: beam(shifts("1/nm")),
    "pyxem, beam of another detector": lambda: beam(shifts(size=(9, 8))),
    "pyxem, beam of a line": lambda: beam(shifts(shape=(5,)), (1, 5)),
    "py4dstem, beam": lambda: beam(cube(origin=origins()).calibration),
    "py4dstem, beam of one": lambda: beam(cube(origin=(1.0, 2.0), shape=(1, 1, 8, 9)).calibration, (1, 1)),
    # files
    "array, file of NumPy": lambda: opened("a.npy", npy(SHAPE)),
    "array, file of patterns": lambda: opened("a.npy", npy((20, 8, 9)), scan_shape=(4, 5)),
    "array, file of fewer patterns": lambda: opened("a.npy", npy((20, 8, 9)), scan_shape=(4, 6)),
    "array, file of one pattern": lambda: opened("a.npy", npy((8, 9)), scan_shape=(1, 1)),
    "array, file as it is": lambda: opened("a.npy", npy(SHAPE), scan_shape=(4, 5)),
    "array, empty file": lambda: opened("a.npy", nothing),
    "array, no file": lambda: opened("a.npy", lambda path: None),
    "array, folder": lambda: opened("a.h5", os.mkdir),
    "array, HDF5": lambda: opened("a.h5", hdf5(("data/scan", SHAPE), ("data/other", (3, 4)))),
    "array, HDF5 of two": lambda: opened("a.h5", hdf5(("one", SHAPE), ("two", SHAPE))),
    "array, HDF5 of two, named": lambda: opened("a.hdf5", hdf5(("one", SHAPE), ("two", SHAPE)), dataset="/two/"),
    "array, HDF5 of two, misnamed": lambda: opened("a.h5", hdf5(("one", SHAPE), ("two", SHAPE)), dataset="three"),
    "array, HDF5 of none": lambda: opened("a.h5", hdf5(("other", (3, 4)))),
    "array, HDF5 by name": lambda: opened("a.dat", hdf5(("one", SHAPE)), host="array"),
    "array, HDF5 in rows": lambda: opened("a.h5", hdf5(("one", SHAPE)), scan_shape=(2, 10)),
    "array, dataset of NumPy": lambda: opened("a.npy", npy(SHAPE), dataset="one"),
    "pyxem, no such format": lambda: opened("a.nonsense", npy(SHAPE)),
    "pyxem, frames without rows": lambda: opened("a.tvips", npy(SHAPE)),
    "pyxem, frames without header": lambda: opened("a.mib", npy(SHAPE)),
    "pyxem, file": lambda: opened("a.hspy", saved_signal(axes=SCAN_AXES + DETECTOR)),
    "pyxem, file with another ending": lambda: opened("a.h5", saved_signal()),
    "pyxem, folder": lambda: opened("a.zspy", saved_signal()),
    "pyxem, file of patterns": lambda: opened("a.hspy", saved_signal((20, 8, 9))),
    "pyxem, file of a line": lambda: opened("a.hspy", saved_signal((5, 8, 9), axes=SCAN_AXES[1:] + DETECTOR)),
    "pyxem, file of patterns in rows": lambda: opened(
        "a.hspy", saved_signal((20, 8, 9), axes=({}, *DETECTOR)), scan_shape=(4, 5)
    ),
    "pyxem, file of one pattern": lambda: opened("a.hspy", saved_signal((8, 9))),
    "pyxem, arguments of readers": lambda: [
        scan_shape.of_reader(one, shape) for one in ("a.mib", "a.hspy") for shape in ((4, 5), (2, 3))
    ],
    "array, brief": lambda: [completeness.brief(ValueError(text)) for text in ("a\n  b", "", "x" * 300, "x" * 301)],
    "pyxem, folder with a gap": lambda: opened("a.zspy", with_a_gap),
    "pyxem, frames cut short": lambda: said_of(framed(20, 24)),
    "pyxem, all frames": lambda: said_of(framed(20, 20)),
    "py4dstem, file by another name": lambda: opened("a.emd", saved_cube),
    "py4dstem, file of a dataset": lambda: opened("a.h5", saved_cube, dataset="none"),
    "py4dstem, no cube": lambda: opened("a.h5", hdf5(("one", SHAPE)), host="py4dstem")[:30],
    "py4dstem, file": lambda: opened("a.h5", saved_cube),
    "py4dstem, file in rows": lambda: opened("a.h5", saved_cube, scan_shape=(2, 10)),
    # what belongs to them
    "array, metadata": lambda: {"there": to_json(JSON), "back": from_json(to_json(JSON))},
    "py4dstem, versions": lambda: [sorted(hosts.versions(kind)) for kind in ("pyxem", "py4dstem", "array")],
}


def refusal(call):
    try:
        return call()
    except (TypeError, ValueError) as error:
        return error


def at_home(name, make):
    """An answer of the figures, as if its scan had come from a host."""
    home = hosts.read_scan(make(shape=(12, 14, 28, 30)) if make is signal else make((12, 14, 28, 30)))
    answers = dataclasses.replace(answer(name), result=dataclasses.replace(answer("nmf"), host=home.host))
    return answers


def hosted(name, make, **how):
    return at_home(name, make).to_host(**how)


def grouped(make):
    home = hosts.read_scan(make(shape=(6, 7, 48, 48)))
    return dataclasses.replace(answer("groups"), host=home.host).to_host()

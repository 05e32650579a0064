"""Scans as objects of the hosts, with the axes, calibrations and metadata that nobody should write, but somebody does."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from hypothesis import strategies as st

from support.hostile_made import Made, require
from support.strategies import ScanCase, scan_cases

__all__ = ["METADATA", "MICROSCOPE", "CubeCase", "SignalCase", "VECTORS", "VectorCase", "any_cases", "host_cases"]

_NAN = float("nan")


@dataclass(frozen=True)
class SignalCase(ScanCase):
    """A pyxem signal, or one of plain HyperSpy."""

    lazy: bool = False
    kind: str = "Diffraction2D"
    navigation: int = 2
    axes: tuple = ()  # (axis, attribute, value)
    metadata: dict = field(default_factory=dict)
    what: ClassVar[str] = "scan: a signal"

    def array(self) -> np.ndarray:
        """Fewer axes of the scan where fewer are wanted."""
        array = super().array()
        return array[(0,) * (2 - self.navigation)] if self.navigation < 2 else array

    def obj(self, folder, array):
        """The signal, with what was wrong set after it was made, as users do."""
        require("pyxem")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import hyperspy.api as hs
            import pyxem.signals

            hs.set_log_level("CRITICAL")
            signal = getattr(pyxem.signals if hasattr(pyxem.signals, self.kind) else hs.signals, self.kind)(array)
            if self.lazy:
                signal = signal.as_lazy()
            for place, name, value in self.axes:
                every = signal.axes_manager._axes
                with contextlib.suppress(Exception):  # HyperSpy itself does not take it
                    setattr(every[place % len(every)], name, value)
            for name, value in self.metadata.items():
                with contextlib.suppress(Exception):  # as above
                    signal.metadata.set_item(name, value)
        return signal, None


@dataclass(frozen=True)
class CubeCase(ScanCase):
    """A py4DSTEM DataCube; the calibration is set as items, as readers of files do."""

    calibration: dict = field(default_factory=dict)
    origin: str = ""
    what: ClassVar[str] = "scan: a DataCube"

    def obj(self, folder, array):
        """The cube."""
        require("py4DSTEM")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import py4DSTEM

            cube = py4DSTEM.DataCube(array, name="cübe")
            for name, value in self.calibration.items():
                cube.calibration[name] = value
            maps = _origins(self.origin, self.shape)
            if maps is not None:
                cube.calibration["qx0"], cube.calibration["qy0"] = maps
                cube.calibration["qx0_mean"], cube.calibration["qy0_mean"] = (np.mean(m) for m in maps)
        return cube, None


def _origins(kind, shape):
    if not kind:
        return None
    if kind == "numbers":
        return 2.0, 3.0
    if kind == "stale":  # as after binning, which leaves it as it was
        return 2.0 * shape[2], 1.5 * shape[3]
    rows, cols = np.indices(shape[:2]) * 0.1
    maps = np.array([rows + 2, cols + 3])
    if kind == "drifted":  # by the whole detector
        maps = np.array([rows * 10 * shape[2] / max(shape[0], 1), cols * 10 * shape[3] / max(shape[1], 1)])
    if kind == "some nan":
        maps[:, 0, 0] = np.nan
    elif kind == "nan":
        maps[:] = np.nan
    elif kind == "infinite":
        maps[0, 0, 0] = np.inf
    elif kind == "far":
        maps *= 1e6
    elif kind == "wrong shape":
        maps = maps[:, :, :-1] if shape[1] > 1 else np.ones((2, 9, 9))
    return tuple(maps)


@dataclass(frozen=True)
class VectorCase(ScanCase):
    """Bragg vectors without a scan."""

    made: Made = Made("disks")
    what: ClassVar[str] = "scan: Bragg vectors"

    def obj(self, folder, array):
        """Vectors of a scan of this shape."""
        from unmix4d.core.geometry import ScanGeometry

        class Of:
            geometry = ScanGeometry(self.shape[:2], self.shape[2:])

        return self.made.build(Of), None


_UNITS = st.sampled_from(("$A^{-1}$", "1/nm", "nm", "µm", "0-d", "<undefined>", "ünit ☃", "", "mrad", "px", "nm^-1", "  "))
_AXIS = st.one_of(
    st.tuples(st.just("scale"), st.sampled_from((0.1, -0.1, -1.0, 2, 0, _NAN, float("inf"), 1e-30, 1e30))),
    st.tuples(st.just("offset"), st.sampled_from((-0.3, 0.0, 5, _NAN, float("inf"), 1e30, -1e6))),
    st.tuples(st.just("units"), _UNITS),
    st.tuples(st.just("name"), st.sampled_from(("kx", "x", "ñame ☃", "", "a/b", "a.b"))),
)
METADATA = st.fixed_dictionaries({}, optional={
    "General.title": st.sampled_from(("", "Ünïcode ☃ <b>&</b>", "a/b\\c", "x" * 500, "line\nline", "$\\frac", "$x$ $")),
    "General.mask": st.sampled_from((np.zeros((3, 3), bool), np.ones((5, 5), bool), "mask", 3, None)),
    "Acquisition_instrument.TEM.beam_energy": st.sampled_from((300, "300", _NAN, -1, 0, 1e9, None, [300])),
    "Acquisition_instrument.TEM.convergence_angle": st.sampled_from((1.5, "x", _NAN, -3)),
    "Acquisition_instrument.TEM.rocking_angle": st.sampled_from((10.0, "x", _NAN)),
    "User.ñame": st.sampled_from(({"deep": {"deeper": [1, {"x": (2, None)}]}}, b"bytes", np.arange(3), {1: 2}, 1 + 2j, len)),
})  # fmt: skip
_CALIBRATION = st.fixed_dictionaries({}, optional={
    "Q_pixel_size": st.sampled_from((0.02, 1, 0, -1, _NAN, "x", np.array(0.1), (0.1, 0.2), None)),
    "Q_pixel_units": st.sampled_from(("A^-1", "pixels", "mrad", "ünit", None, "", 3)),
    "R_pixel_size": st.sampled_from((2.0, 1, 0, -1, _NAN, "x", None)),
    "R_pixel_units": st.sampled_from(("A", "nm", "pixels", "ünit", None, "")),
    "QR_rotation_degrees": st.sampled_from((0, 17.0, _NAN, "x", 1e9)),
    "QR_flip": st.sampled_from((True, False, "yes", None)),
    "a": st.sampled_from((1.0, 1.1, 0, _NAN, -1)), "b": st.sampled_from((1.0, 0.9, 0, 1e6)),
    "theta": st.sampled_from((0.3, _NAN, 1e9)),
    "convergence_semiangle_mrad": st.sampled_from((1.5, _NAN, "x")), "beam_energy": st.sampled_from((300e3, 300, "x", -5)),
})  # fmt: skip
MICROSCOPE = st.fixed_dictionaries({}, optional={
    "beam_energy": st.sampled_from((300e3, 300, "x", -5, float("nan"), 0)), "QR_flip": st.booleans(),
    "QR_rotation_degrees": st.sampled_from((0, 17.0, -400)),
})  # fmt: skip
ODD_VECTORS = st.sampled_from(("", "", "", "nan", "infinite", "negative", "none", "one", "far", "alike", "nothing"))
VECTORS = ("disks", "point lists", "bragg vectors", "diffraction vectors")


@st.composite
def host_cases(draw):
    """A scan as a signal or as a cube, or vectors without a scan."""
    plain = draw(scan_cases(holders=("numpy",)))
    facts = vars(plain)
    which = draw(st.sampled_from(("signal", "signal", "cube", "vectors")))
    if which == "vectors":
        made = Made(draw(st.sampled_from(VECTORS)), draw(ODD_VECTORS), draw(st.integers(0, 5)))
        return VectorCase(**facts, made=made)
    if which == "cube":
        known = ("numbers", "maps", "drifted", "stale", "some nan", "nan", "infinite", "far", "wrong shape")
        origin = draw(st.sampled_from(("", "", *known)))
        return CubeCase(**facts, calibration=draw(_CALIBRATION), origin=origin)
    axes = draw(st.lists(st.tuples(st.integers(0, 3), _AXIS).map(lambda v: (v[0], *v[1])), max_size=4))
    return SignalCase(
        **facts, lazy=draw(st.booleans()), navigation=draw(st.sampled_from((2, 2, 2, 1, 0))), axes=tuple(axes),
        kind=draw(st.sampled_from(("Diffraction2D", "ElectronDiffraction2D", "Signal2D", "PolarDiffraction2D", "Signal1D"))),
        metadata=draw(METADATA),
    )  # fmt: skip


def any_cases():
    """Mostly arrays, now and then a host's own object."""
    return st.integers(0, 4).flatmap(lambda roll: host_cases() if roll == 2 else scan_cases())

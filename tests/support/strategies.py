"""Hypothesis strategies: scans nobody wants to be given, preparations, and arguments right and wrong.

Everything drawn is plain values, so that a failing case can be read, and built again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from hypothesis import strategies as st

__all__ = ["FILLS", "HOLDERS", "ScanCase", "arguments", "maybe_wrong", "preparations", "scan_cases"]

DTYPES = ("u1", "u2", "u4", "i2", "f4", "f8", ">u2", ">f4", ">f8", "?", "u8", "f2")
FILLS = (
    *("poisson",) * 6,
    "low rank", "low rank", "fractions", "saturated beam",
    "zeros", "constant", "one nan", "nan row", "inf", "negative", "huge", "tiny",
    "saturated beam", "one bright pixel", "dead row", "empty patterns", "fractions", "overflow", "overflow",
)  # fmt: skip
HOLDERS = (
    *("numpy",) * 3, "dask", "dask", "fortran", "read-only", "strided", "memmap", "h5py", "closed h5py", "broken dask",
)  # fmt: skip
WRONG = (0, -1, 1.5, float("nan"), float("inf"), "3", "", None, True, (), [1, 2, 3], 10**9, 2**70, {},
         b"x", 1e-300, "2 nm", "µ")  # fmt: skip


@dataclass(frozen=True)
class ScanCase:
    """What a scan is made of."""

    shape: tuple = (3, 4, 5, 6)
    dtype: str = "u2"
    fill: str = "poisson"
    holder: str = "numpy"
    chunks: tuple = (2, 3, 2, 4)
    seed: int = 0
    facts: dict = field(default_factory=dict)
    what: ClassVar[str] = "scan: an array"

    def array(self) -> np.ndarray:
        """The numbers, as a plain array."""
        with np.errstate(all="ignore"):
            return _fill(self).astype(self.dtype)

    def obj(self, folder, array):
        """What is given to `Unmix`, and a function to call once it has been."""
        return _HOLD[self.holder](self, folder, array)


def _fill(case):
    rng = np.random.default_rng(case.seed)
    shape, fill = case.shape, case.fill
    if fill in ("zeros", "constant"):
        return np.full(shape, 0.0 if fill == "zeros" else 3.0)
    if fill == "low rank":
        rank = 1 + case.seed % 2
        return np.einsum("abk,kcd->abcd", rng.random((*shape[:2], rank)), rng.integers(0, 90, (rank, *shape[2:])))
    data = rng.poisson(4.0, shape).astype(float) if fill != "fractions" else rng.random(shape) / 7
    if fill in ("one nan", "inf"):
        data.flat[case.seed % data.size] = np.nan if fill == "one nan" else np.inf
    elif fill in ("nan row", "dead row"):
        data[:, :, case.seed % shape[2]] = np.nan if fill == "nan row" else 0
    elif fill == "negative":
        data -= 4
    elif fill in ("huge", "tiny"):
        data *= 1e33 if fill == "huge" else 1e-36
    elif fill == "saturated beam":
        kind = np.dtype(case.dtype)
        top = np.iinfo(kind).max if kind.kind in "iu" else 6e4
        data[:, :, shape[2] // 2, shape[3] // 2] = float(np.nextafter(top, 0)) if kind.itemsize == 8 else top
    elif fill == "overflow":
        # As much as the type can hold: 65535, 2**32 - 1, the largest float16.
        kind = np.dtype(case.dtype)
        top = np.iinfo(kind).max if kind.kind in "iu" else 65504.0
        data[rng.random(shape) < 0.5] = float(np.nextafter(top, 0)) if kind.itemsize == 8 else top
    elif fill == "one bright pixel":
        data[:] = 0
        data.flat[case.seed % data.size] = 100
    elif fill == "empty patterns":
        data[rng.random(shape[:2]) < 0.5] = 0
    return data


def _numpy(case, folder, array):
    return array, None


def _fortran(case, folder, array):
    return np.asfortranarray(array), None


def _read_only(case, folder, array):
    array = array.copy()
    array.setflags(write=False)
    return array, None


def _strided(case, folder, array):
    twice = np.repeat(array[::-1, :, :, ::-1], 2, axis=1)
    return twice[::-1, ::2, :, ::-1], None


def _memmap(case, folder, array):
    path = folder / "scan.raw"
    array.tofile(path)
    return np.memmap(path, dtype=array.dtype, mode="r", shape=array.shape), None


def _h5py(case, folder, array):
    import h5py

    file = h5py.File(folder / "scån.h5", "w")
    chunks = tuple(min(c, n) for c, n in zip(case.chunks, case.shape))
    return file.create_dataset("scan", data=array, chunks=chunks), file.close


def _dask(case, folder, array):
    import dask.array as da

    return da.from_array(array, chunks=tuple(min(c, n) for c, n in zip(case.chunks, case.shape))), None


def _broken_dask(case, folder, array):
    def unreadable(block, block_info=None):
        raise OSError("the disk is gone")

    return _dask(case, folder, array)[0].map_blocks(unreadable, dtype=array.dtype, meta=array[:0, :0, :0, :0]), None


_HOLD = {
    "numpy": _numpy, "fortran": _fortran, "read-only": _read_only, "strided": _strided, "memmap": _memmap, "h5py": _h5py,
    "closed h5py": _h5py, "dask": _dask, "broken dask": _broken_dask,
}  # fmt: skip


def _facts():
    """Calibrations, some of them nonsense."""
    number = st.sampled_from((0.02, 1, np.float32(0.5), np.array(0.25), (0.1, 0.2), 1e-9, 1e9))
    wrong = st.sampled_from((0, -1, float("nan"), "x", (1, 2, 3), None))
    unit = st.sampled_from(("1/Å", "nm", "µm", "px", "", "ünit ☃", "mrad", "A^-1", np.str_("nm")))
    return st.fixed_dictionaries(
        {},
        optional={
            "pixel_size": _mostly(number, wrong), "step": _mostly(number, wrong), "pixel_unit": unit, "step_unit": unit,
            "centre": _mostly(st.sampled_from(((2.0, 3.0), (0, 0), (-5.5, 99), (1e6, 0))), wrong),
        },
    )  # fmt: skip


def _mostly(right, wrong, share=24):
    # Somewhere in the middle: hypothesis draws the ends of a range more often than its share.
    return st.integers(0, share).flatmap(lambda roll: wrong if roll == share // 2 else right)


def maybe_wrong(right):
    """A strategy that gives now and then what no argument should be."""
    return _mostly(right, st.sampled_from(WRONG))


@st.composite
def scan_cases(draw, holders=HOLDERS, fills=FILLS):
    """A `ScanCase`: single positions, single pixels, odd and narrow shapes among them."""
    least = draw(st.sampled_from((1, 3, 3, 3)))
    largest = draw(st.sampled_from((10, 10, 24)))
    sides = [draw(st.integers(least, most)) for most in (5, 6, largest, largest + 1)]
    return ScanCase(
        shape=tuple(sides), dtype=draw(st.sampled_from(DTYPES)), fill=draw(st.sampled_from(fills)),
        holder=draw(st.sampled_from(holders)), chunks=tuple(draw(st.integers(1, 5)) for _ in range(4)),
        seed=draw(st.integers(0, 2**16)), facts=draw(_facts()) if draw(st.integers(0, 2)) == 0 else {},
    )  # fmt: skip


@st.composite
def _masks(draw, shape):
    kind = draw(st.sampled_from(("some",) * 6 + ("most", "none", "all", "wrong shape", "numbers", "nan", "text")))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    if kind in ("some", "most"):
        return rng.random(shape) < (0.2 if kind == "some" else 0.8)
    simple = {
        "none": np.zeros(shape, bool), "all": np.ones(shape, bool), "wrong shape": np.zeros((shape[0] + 1, shape[1]), bool),
        "numbers": rng.integers(0, 2, shape), "nan": np.full(shape, np.nan), "text": np.full(shape, "x"),
    }  # fmt: skip
    return simple[kind]


@st.composite
def preparations(draw, shape):
    """Arguments of `prepare`: mostly none or one, sometimes several."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    lengths = st.sampled_from((0, 1, 1.5, 2, 4, "2 px", "0.02 1/Å", "1 nm"))
    choices = {
        "direct_beam": lengths,
        "annulus": st.sampled_from(((1, None), (None, 3), (0.5, 3.5), (1, 9), (3, 1), (2, 2), (1,), 5)),
        "detector_mask": _masks(shape[2:]),
        "scan_mask": _masks(shape[:2]),
        "crop": st.sampled_from((((0, 3), (1, 4)), ((1, shape[2]), (0, shape[3])), ((2, 1), (0, 2)), ((0, 99), (0, 99)), 3)),
        "bin": st.sampled_from((1, 2, 3, (1, 2), (shape[2], shape[3]))),
        "friedel": st.booleans(),
        "average_neighbours": st.sampled_from((1, 3, 5, 2, 9)),
        "average_alike": st.sampled_from((True, False, 3, 5, 4, 99)),
        "hot_pixels": st.one_of(st.sampled_from((True, 5.0, 0.5)), _masks(shape[2:])),
        "align": st.sampled_from((
            True, rng.random((*shape[:2], 2)) * 4, np.zeros((*shape[:2], 2), int), np.full((*shape[:2], 2), np.nan),
            np.full((*shape[:2], 2), 1e12), np.zeros(shape[:2]),
            "measure",
        )),
        "align_subpixel": st.booleans(),
        "gain": st.sampled_from((2.0, 1e-3, 1e30, 1e-30)),
        "redraw_peaks": st.sampled_from((True, 1.5, "2 px", {"radius": 1, "threshold": 3})),
    }  # fmt: skip
    names = draw(st.lists(st.sampled_from(sorted(choices)), max_size=2, unique=True)) if draw(st.integers(0, 2)) == 1 else []
    return {name: draw(maybe_wrong(choices[name])) for name in names}


@st.composite
def arguments(draw, required, optional):
    """Keyword arguments of a call: every required one, and a few of the others."""
    names = draw(st.lists(st.sampled_from(sorted(optional)), max_size=4, unique=True)) if optional else []
    return {
        **{name: draw(maybe_wrong(strategy)) for name, strategy in required.items()},
        **{name: draw(maybe_wrong(optional[name])) for name in names},
    }

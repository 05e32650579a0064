"""Files of every format that a scan comes in: the numbers, the calibration, and what is said of those that are no scan."""

import logging
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

import unmix4d
from support.written_files import FORMATS, written
from unmix4d import Unmix, UnmixWarning, phantoms
from unmix4d.__main__ import main
from unmix4d.commands import steps
from unmix4d.hosts.opening import open_scan

SHAPE = ["--scan-shape", "5", "7"]
# Step and pixel as the files hold them; what a format has no place for is not calibrated.
NM, RECIPROCAL, NONE = (2.0, "nm"), (0.1025, "1/Å"), (1.0, "px")
CALIBRATION = {
    "scan.hspy": (NM, RECIPROCAL), "scan.zspy": (NM, RECIPROCAL), "scan.nxs": (NM, RECIPROCAL), "scan.emd": (NM, RECIPROCAL),
    "scan.h5": (NM, RECIPROCAL), "scan.blo": (NM, None), "scan_000.tvips": (NONE, (2.0, "1/nm")),
    "scan.mib": (NONE, NONE), "bare.mib": (NONE, NONE), "scan.prz": (NONE, NONE), "scan.npy": (NONE, NONE),
}  # fmt: skip
NEEDS = {"scan.h5": "py4DSTEM", "scan.npy": None}


@pytest.fixture(scope="module")
def square():
    """A blockfile holds square patterns of bytes."""
    return phantoms.polycrystal(n_grains=3, scan_shape=(5, 7), detector_shape=(20, 20), dose=2000, seed=3)


@pytest.fixture
def quick(monkeypatch):
    """Without figures and the page, which take a second and are tested elsewhere."""
    monkeypatch.setattr(steps, "_figures", lambda *_: None)
    monkeypatch.setattr(unmix4d.Decomposition, "report", lambda *_, **__: None)


def _written(name, square, folder):
    if NEEDS.get(name, "pyxem"):
        pytest.importorskip(NEEDS.get(name, "pyxem"))
    return written(name, square, folder)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", CALIBRATION)
def test_every_format(name, square, tmp_path, quick, capfd):
    """The answer is that of the array in a notebook, and nothing of what the readers say to themselves is said."""
    path, out = _written(name, square, tmp_path), tmp_path / "out"
    centre = ["--centre", "9.5", "9.5"] if name in ("scan.blo", "scan_000.tvips") else []
    shape = SHAPE if name in ("bare.mib", "scan_000.tvips") else []
    capfd.readouterr()
    assert main(["run", str(path), "--components", "3", "--out", str(out), *centre, *shape]) == 0
    said = capfd.readouterr()
    assert said.err == "" and "\x1b" not in said.out and "WARNING" not in said.out
    found = unmix4d.load(out / "result.unmix.h5")
    assert np.allclose(found.maps, Unmix(square.data).nmf(3, random_state=0).maps, atol=1e-5)
    known, (step, pixel) = found.geometry.calibration, CALIBRATION[name]
    assert known.step == pytest.approx((step[0],) * 2) and known.step_unit == step[1]
    if pixel is None:
        assert known.pixel_unit == "cm"  # on the screen, whatever the patterns were in
    else:
        assert known.pixel_size == pytest.approx((pixel[0],) * 2) and known.pixel_unit == pixel[1]
    assert found.geometry.centre == pytest.approx((9.5, 9.5))


def test_all_formats_are_asked_for():
    assert CALIBRATION.keys() | {"cut.mib"} == FORMATS.keys()


@pytest.mark.parametrize("name", ["bare.mib", "scan_000.tvips"])
def test_rows_and_columns_that_a_file_does_not_hold_are_asked_for(name, square, tmp_path):
    path = _written(name, square, tmp_path)
    with pytest.raises(OSError, match="does not say how many rows and columns .* give scan_shape"):
        open_scan(path)
    with pytest.raises(OSError, match="35 patterns, which are not 5 rows of 6"):
        open_scan(path, scan_shape=(5, 6))
    turned = open_scan(path, scan_shape=(7, 5))
    assert np.array_equal(np.asarray(turned.data).reshape(square.data.shape), square.data)


def test_a_row_of_patterns_in_other_files(square, tmp_path, pyxem):
    np.save(tmp_path / "row.npy", square.data.reshape(35, 20, 20))
    assert open_scan(tmp_path / "row.npy", scan_shape=(5, 7)).shape == square.data.shape
    signal = pyxem.signals.Diffraction2D(square.data.reshape(35, 20, 20))
    signal.axes_manager.signal_axes.set(scale=0.02, units="1/Å")
    signal.save(tmp_path / "row.hspy")
    with pytest.warns(UnmixWarning, match="35 patterns in one row, taken as a line: .* give scan_shape"):
        assert Unmix(open_scan(tmp_path / "row.hspy")).geometry.scan_shape == (1, 35)
    view = Unmix(open_scan(tmp_path / "row.hspy", scan_shape=(5, 7)))
    assert np.array_equal(np.asarray(view.scan.patterns), square.data) and view.scan.lazy
    assert view.geometry.calibration.pixel_size == pytest.approx((0.02, 0.02))
    signal.axes_manager[0].units = "nm"  # a line on the specimen
    signal.save(tmp_path / "line.hspy")
    assert Unmix(open_scan(tmp_path / "line.hspy")).geometry.scan_shape == (1, 35)


def test_an_interrupted_acquisition_is_said(square, tmp_path):
    path = _written("cut.mib", square, tmp_path)
    with pytest.warns(UnmixWarning, match="gives 14 of the 35 patterns that its .hdr promises"):
        assert np.array_equal(np.asarray(open_scan(path).data), square.data[:2])


def test_blocks_that_are_not_there_are_said(square, tmp_path, pyxem):
    """zarr reads them as zeros."""
    path = written("scan.zspy", square, tmp_path)
    (block,) = path.rglob("data/0/0/0/0")
    block.unlink()
    with pytest.warns(UnmixWarning, match="lacks 1 of 1 blocks, which are read as zeros: copy the file again"):
        open_scan(path)


def _odd_files(folder, square):
    """(name of a file that is no scan, part of what is said of it)."""
    pytest.importorskip("pyxem")
    import hyperspy.api as hs

    for ending in ("hspy", "blo", "mib", "tvips", "h5", "npy", "zspy"):
        Path(folder, f"empty.{ending}").write_bytes(b"")
        yield f"empty.{ending}", "is empty"
    for name in ("text.hspy", "text.blo", "text.emd"):
        Path(folder, name).write_text("no scan at all")
        yield name, "cannot be read"
    Path(folder, "folder").mkdir()
    yield "folder", "is a folder: name the files in it"
    Path(folder, "folder.zspy").mkdir()
    yield "folder.zspy", "cannot be read"
    for name in ("scan.blo", "scan.hspy"):
        content = written(name, square, folder).read_bytes()
        Path(folder, f"cut{Path(name).suffix}").write_bytes(content[: len(content) // 2])
        yield f"cut{Path(name).suffix}", "cannot be read"
    np.save(Path(folder, "image.npy"), square.data[0, 0])
    yield "image.npy", "must have four dimensions"
    np.save(Path(folder, "complex.npy"), square.data * 1j)
    yield "complex.npy", "must hold real numbers"
    hs.signals.Signal2D(square.data[0, 0]).save(os.path.join(folder, "image.hspy"))
    yield "image.hspy", "must hold one scan of patterns, but holds 0"
    hs.signals.Signal2D(np.zeros((2, 3, 4, 8, 8), "u1")).save(os.path.join(folder, "five.hspy"))
    yield "five.hspy", "must hold one scan of patterns, but holds 0"
    colours = hs.signals.Signal1D(np.zeros((3, 4, 8, 8, 3), "u1"))
    colours.change_dtype("rgb8")
    colours.transpose(signal_axes=2).save(os.path.join(folder, "colours.hspy"))
    yield "colours.hspy", "must hold real numbers"
    with h5py.File(Path(folder, "several.h5"), "w") as file:
        file["a"] = file["b"] = square.data
    yield "several.h5", "holds 2: 'a', 'b'; name one with dataset"
    Path(folder, "scan.unknown").write_bytes(b"1")
    yield "scan.unknown", "not a format that HyperSpy reads"
    Path(folder, "loop.npy").symlink_to("loop.npy")
    yield "loop.npy", "there is no file"


def test_what_is_no_scan_is_one_sentence(square, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    odd = list(_odd_files(tmp_path, square))
    before = set(os.listdir())
    capfd.readouterr()
    for name, sentence in odd:
        assert main(["run", name, "--components", "2"]) == 2, name
        said = capfd.readouterr()
        assert said.err.count("\n") == 1 and said.err.startswith("error: ") and sentence in said.err, said.err
        assert "\x1b" not in said.out and "Traceback" not in said.out
    assert set(os.listdir()) == before  # nothing is left behind
    assert logging.root.manager.disable == logging.NOTSET  # of other programs that call this one


def test_names_in_any_language(square, tmp_path, quick):
    for name in ("sc ån ☃ '\".npy", os.fsdecode(b"half\xff.npy")):
        np.save(tmp_path / name, square.data)
        assert main(["run", str(tmp_path / name), "--components", "2", "--out", str(tmp_path / f"{name} out")]) == 0
        assert (tmp_path / f"{name} out" / "result.unmix.h5").exists()


def test_a_dataset_is_for_hdf5_files(tmp_path):
    np.save(tmp_path / "scan.npy", np.ones((2, 2, 4, 4)))
    with pytest.raises(OSError, match="dataset is for HDF5 files"):
        open_scan(tmp_path / "scan.npy", dataset="a")
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["a"] = np.ones((2, 2, 4, 4))
    with pytest.raises(OSError, match="scan_shape is for files of HyperSpy and NumPy"):
        open_scan(tmp_path / "scan.h5", scan_shape=(4, 1))

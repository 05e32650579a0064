"""What hosts have announced and not released, in small stand-ins, each with where it was announced; and what they need."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from unmix4d import Unmix, UnmixWarning, phantoms
from unmix4d.core import version
from unmix4d.hosts.completeness import look_for_gaps
from unmix4d.hosts.opening import open_scan

PROJECT = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")


@pytest.fixture
def signal(pyxem):
    return phantoms.polycrystal(n_grains=3, scan_shape=(5, 7), detector_shape=(20, 24), dose=2000, seed=3).to_pyxem()


def center_direct_beam(signal, shifts):
    """As in https://github.com/pyxem/pyxem/pull/1148: the data are shifted, and the offsets of the axes are set after it."""
    centred = signal.deepcopy()
    for row, col in np.ndindex(signal.data.shape[:2]):
        centred.data[row, col] = np.roll(signal.data[row, col], shifts[row, col], axis=(0, 1))
    for axis in centred.axes_manager.signal_axes:
        axis.offset = -(axis.size // 2) * axis.scale
    return centred


def test_pyxem_centres_by_the_offsets_of_axes(signal):
    """The centre that is read is the one that the offsets say, whatever the version that centred the signal."""
    shifts = np.random.default_rng(0).integers(-2, 3, (5, 7, 2))
    new = center_direct_beam(signal, shifts)
    assert new.unmix.geometry.centre == pytest.approx((10, 12)) and new.unmix.geometry.centre_known
    # Before, offsets were left as they were: what the user calibrates is what is read.
    old = signal.deepcopy()
    old.calibration.center = None  # the middle
    assert old.unmix.geometry.centre_known
    for axis, at in zip(old.axes_manager.signal_axes[::-1], old.unmix.geometry.centre):
        assert -axis.offset / axis.scale == pytest.approx(at)


def test_positions_of_beams_are_those_of_both_versions(signal):
    """`shift_x` and `shift_y` of ``shift_diffraction`` are deprecated in favour of one `BeamShift` (the same pull request).

    Nothing here calls them: a BeamShift is read as the shifts (x, y) that it holds.
    """
    import inspect

    import unmix4d

    shifts = signal.get_direct_beam_position(method="blur", sigma=1)
    positions = Unmix(signal).prepare(align=shifts).geometry
    assert positions.centre_known
    sources = Path(inspect.getfile(unmix4d)).parent.rglob("*.py")
    assert not [path.name for path in sources if re.search(r"shift_[xy]\b", path.read_text(encoding="utf-8"))]


def _write_zspy_3(path, data):
    """As in https://github.com/hyperspy/rosettasciio/pull/539: the groups of .zspy in the folders and metadata of zarr 3."""
    zarr = pytest.importorskip("zarr", minversion="3", reason="zarr 3 cannot stand beside pyxem 0.21")
    group = zarr.open_group(str(path), mode="w").create_group("Experiments").create_group("scan")
    array = group.create_array("data", shape=data.shape, chunks=(1, *data.shape[1:]), dtype=data.dtype)
    array[:] = data
    return path


def test_blocks_of_zarr_3_are_counted(tmp_path):
    data = np.arange(1, 3 * 4 * 5 * 6 + 1, dtype=np.uint16).reshape(3, 4, 5, 6)
    path = _write_zspy_3(tmp_path / "scan.zspy", data)
    look_for_gaps(data, str(path))  # nothing is missing, and nothing is said
    next(path.rglob("c/1/0/0/0")).unlink()
    with pytest.warns(UnmixWarning, match="lacks 1 of 3 blocks"):
        look_for_gaps(data, str(path))


def test_arrays_of_zarr_are_scans(tmp_path):
    """Of zarr 2 and of zarr 3."""
    zarr = pytest.importorskip("zarr")
    data = np.random.default_rng(0).poisson(3, (4, 5, 8, 9)).astype(np.uint16)
    array = zarr.open(str(tmp_path / "scan.zarr"), mode="w", shape=data.shape, chunks=(2, 5, 8, 9), dtype=data.dtype)
    array[:] = data
    assert np.array_equal(np.asarray(Unmix(array).scan.patterns), data)


@pytest.mark.parametrize(("package", "newest"), [("pyxem", (3, 13)), ("py4DSTEM", (3, 12))])
def test_where_a_host_does_not_install_a_sentence_says_so(package, newest, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    words = f"{package} needs Python {newest[0]}.{newest[1]} or older, this is 3.14"
    assert words in version.unless_python(package)
    monkeypatch.setattr(sys, "version_info", (*newest, 5))
    assert version.unless_python(package) == "" == version.unless_python("numpy")
    # What is said is what pip is told.
    bound = re.search(rf'"{package}>=[\d.]+; python_version < \'([\d.]+)\'"', PROJECT)
    assert tuple(map(int, bound[1].split("."))) == (newest[0], newest[1] + 1)


def test_files_of_hosts_say_so_too(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    for name in ("hyperspy", "hyperspy.api"):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "scan.blo").write_bytes(b"anything")
    with pytest.raises(ImportError, match="a package is missing: .*hyperspy"):
        open_scan(tmp_path / "scan.blo")


def test_no_pin_of_ours_is_in_the_way_of_numpy_2():
    """py4DSTEM on NumPy 2 is merged (https://github.com/py4dstem/py4DSTEM/pull/712) and not released."""
    assert '"numpy>=1.26"' in PROJECT and not re.search(r"numpy\W*<", PROJECT.split("[tool.hatch.version]")[0])

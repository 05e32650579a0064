"""Saving and loading: everything comes back, nothing half-written stays, nothing in a file is executed."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, phantoms
from unmix4d.core.errors import UnreadableFile
from unmix4d.storage import result_file as files
from unmix4d.storage.safety import text_checksum


@pytest.fixture
def saved(as_host, scan, tmp_path):
    mask = np.zeros((7, 9), bool)
    mask[2, 2] = True
    view = as_host(scan).prepare(direct_beam=2, scan_mask=mask)
    result = view.nmf(3, n_starts=2, max_iter=8, random_state=4)
    path = tmp_path / "run.unmix.h5"
    result.save(path)
    return view, result, path


def test_everything_comes_back(saved):
    view, result, path = saved
    loaded = unmix4d.load(path)
    for name in ("patterns", "maps", "explained", "losses", "mean_pattern", "totals", "residuals"):
        assert np.array_equal(getattr(loaded, name), getattr(result, name), equal_nan=True), name
        assert getattr(loaded, name).dtype == getattr(result, name).dtype
    assert all(np.array_equal(a, b) for a, b in zip(loaded.convergence, result.convergence))
    assert loaded.settings == result.settings and loaded.method == result.method and loaded.loss == result.loss
    assert loaded.host == result.host
    for name in ("scan_shape", "detector_shape", "centre", "centre_known", "ellipse", "calibration"):
        assert getattr(loaded.geometry, name) == getattr(result.geometry, name), name
    assert np.array_equal(loaded.geometry.scan_mask, result.geometry.scan_mask)
    assert np.array_equal(loaded.geometry.detector_mask, result.geometry.detector_mask)
    assert np.array_equal(loaded.labels(), result.labels())
    assert "loaded without its data" in repr(loaded)


def test_native_results_after_loading(saved):
    _, result, path = saved
    for ours, theirs in zip(unmix4d.load(path).to_host(), result.to_host()):
        assert type(ours) is type(theirs)
        assert np.array_equal(getattr(ours, "data", ours), getattr(theirs, "data", theirs), equal_nan=True)


@pytest.mark.one_in(6)
def test_data_can_be_linked_again(saved, scan):
    view, result, path = saved
    loaded = unmix4d.load(path)
    with pytest.raises(ValueError, match=r"mean_patterns needs the scan.*unmix4d.load\(path, data=scan\)"):
        loaded.mean_patterns()
    linked = unmix4d.load(path, data=view)
    assert np.array_equal(linked.mean_patterns(), result.mean_patterns(), equal_nan=True)
    with pytest.raises(ValueError, match="its mean pattern or masks differ"):
        unmix4d.load(path, data=Unmix(np.array(scan.data) * 2))
    with pytest.raises(ValueError, match="its total intensities or masks differ"):
        turned = np.array(scan.data)[::-1]
        whole = Unmix(scan.data).svd(1)
        whole.save(path.with_name("whole.h5"))
        unmix4d.load(path.with_name("whole.h5"), data=turned)
    with pytest.raises(ValueError, match=r"data must have the shape \(7, 9, 20, 26\) of the saved result"):
        unmix4d.load(path, data=np.ones((7, 9, 20, 24)))


@pytest.fixture
def result(scan):
    return Unmix(scan.data).nmf(2, max_iter=5, random_state=0)


def test_svd_and_names_beyond_ascii(scan, tmp_path):
    result = Unmix(scan.data, step=2, step_unit="µm", pixel_size=0.1, pixel_unit="1/Å").svd(3)
    path = tmp_path / "grän ☃.h5"
    result.save(str(path))
    loaded = unmix4d.load(path)
    assert loaded.geometry.calibration.step_unit == "µm" and loaded.convergence == []
    assert np.array_equal(loaded.maps, result.maps)


def test_a_failed_save_leaves_the_old_file(result, tmp_path, monkeypatch):
    path = tmp_path / "run.h5"
    result.save(path)
    before = path.read_bytes()

    def full_disk(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_fill", full_disk)
    with pytest.raises(OSError, match="the result cannot be saved .* No space left"):
        result.save(path)
    monkeypatch.setattr(files, "_fill", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        result.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.h5"]


def test_the_old_file_is_there_until_the_new_one_is_complete(result, tmp_path, monkeypatch):
    path = tmp_path / "run.h5"
    result.save(path)
    first = path.stat().st_ino
    replaced = []
    monkeypatch.setattr(os, "replace", lambda new, old: replaced.append((new, old, os.path.exists(old))))
    result.save(path)
    ((new, old, existed),) = replaced
    assert old == str(path) and existed and path.stat().st_ino == first
    assert os.path.dirname(new) == str(tmp_path) and unmix4d.load(new).k == 2


def test_names_that_are_no_names(result):
    for call in (result.save, unmix4d.load):
        with pytest.raises(TypeError, match="path must be the name of a file, got None"):
            call(None)


def test_saving_over_a_file_replaces_it(result, scan, tmp_path):
    path = tmp_path / "run.h5"
    path.write_text("something else")
    result.save(path)
    assert unmix4d.load(path).k == 2
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("name, message", [("", "is a folder"), ("missing/run.h5", "cannot be saved")])
def test_places_that_cannot_be_written(result, tmp_path, name, message):
    with pytest.raises(OSError, match=message):
        result.save(tmp_path / name)


def test_what_is_no_result_is_refused(result, tmp_path):
    with pytest.raises(OSError, match="there is no file"):
        unmix4d.load(tmp_path / "nothing.h5")
    text = tmp_path / "text.h5"
    text.write_text("not HDF5")
    with pytest.raises(OSError, match="not a readable HDF5 file"):
        unmix4d.load(text)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(OSError, match="not a result saved by unmix4d"):
        unmix4d.load(tmp_path / "other.h5")


def spoil(path, change):
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def _replace(file, name, data):
    del file[name]
    file[name] = data


def _edit_settings(file, edit):
    head = json.loads(file["settings.json"].asstr()[()])
    edit(head)
    _replace(file, "settings.json", json.dumps(head))


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda f: f.attrs.__setitem__("format_version", 99), "written by a newer unmix4d .file version 99"),
        (lambda f: f.__delitem__("maps"), "incomplete or damaged"),
        (lambda f: _replace(f, "maps", np.zeros((2, 3, 3))), "maps has the shape"),
        (lambda f: _replace(f, "patterns", np.array([b"x"])), "incomplete or damaged"),
        (lambda f: _replace(f, "settings.json", "{broken"), "incomplete or damaged"),
        (lambda f: _edit_settings(f, lambda h: h.pop("geometry")), "incomplete or damaged"),
        (lambda f: _edit_settings(f, lambda h: h["geometry"]["calibration"].update(evil=1)), "incomplete or damaged"),
        (lambda f: _edit_settings(f, lambda h: h["geometry"].update(scan_shape=[1, 1])), "incomplete or damaged"),
    ],
)
def test_damaged_files_are_refused_in_one_sentence(result, tmp_path, change, message):
    path = tmp_path / "run.h5"
    result.save(path)
    with pytest.raises(OSError, match=message):
        unmix4d.load(spoil(path, change))


def test_truncated_files_are_refused(result, tmp_path):
    path = tmp_path / "run.h5"
    result.save(path)
    whole = path.read_bytes()
    for length in (len(whole) // 4, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:length])
        with pytest.raises(OSError, match="damaged"):
            unmix4d.load(path)


def test_nothing_is_pickled(result, tmp_path):
    path = tmp_path / "run.h5"
    result.save(path)
    with h5py.File(path) as file:
        kinds = {name: item.dtype.kind for name, item in file.items()}
    assert kinds.pop("settings.json") == "O"  # how h5py shows a text of variable length
    assert set(kinds.values()) <= {"f", "b"}


# ------------------------------------------------------------------------------------------------ head and arrays


def test_a_head_and_arrays_come_back_without_any_class(tmp_path):
    path, arrays = tmp_path / "a.h5", {"x": np.arange(5000.0).reshape(2, 2500), "mask": np.array([True, False])}
    files.write(path, {"kind": "Anything", "notes": ["µ", None, 1.5]}, arrays, title="of a test")
    head, found = files.read(path, lambda head, shapes: dict.fromkeys(shapes, files.Claim(None, "fb")))
    assert head["kind"] == "Anything" and head["notes"] == ["µ", None, 1.5] and found.keys() == arrays.keys()
    assert all(np.array_equal(found[name], array) and found[name].dtype == array.dtype for name, array in arrays.items())
    with h5py.File(path) as file:
        assert file.attrs["title"] == "of a test" and file.attrs["format_version"] == files.FORMAT_VERSION == 6


def test_what_is_expected_is_compared_before_anything_is_read(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    files.write(path, {}, {"x": np.ones((2, 3)), "y": np.ones(2)})
    head, found = files.read(path, lambda head, shapes: {"x": files.Claim(shapes["x"], "f"), "z": files.Claim((4,), "f")})
    assert found.keys() == {"x"}  # y is not asked for, z is not there
    monkeypatch.setattr(h5py.Dataset, "__getitem__", _only_texts(h5py.Dataset.__getitem__))
    with pytest.raises(UnreadableFile, match=r"x has the shape \(2, 3\) and dtype float64, expected \(2, 4\)"):
        files.read(path, lambda head, shapes: {"x": files.Claim((2, 4), "f")})


def _only_texts(getitem):
    def get(self, args, **more):
        assert self.dtype.kind == "O", "an array was read"
        return getitem(self, args, **more)

    return get


# ------------------------------------------------------------------------------------------------ older versions


def test_a_file_of_version_5_is_read():
    """Written by the last commit that called the geometry "frame"."""
    path = Path(__file__).parent / "result_of_version_5.h5"
    with h5py.File(path) as file:
        assert file.attrs["format_version"] == 5 and '"frame"' in file["settings.json"].asstr()[()]
        stored = {name: file[name][()] for name in ("patterns", "maps", "explained", "losses", "strengths", "totals")}
    phantom = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, dose=2000, seed=0)
    facts = {"centre": (4.5, 9.5), "step": 2, "step_unit": "nm", "pixel_size": 0.1, "pixel_unit": "1/Å"}
    again = unmix4d.load(path, data=Unmix(phantom.data, **facts))
    for name, array in stored.items():
        assert np.array_equal(getattr(again, name), array), name
    assert again.method == "nmf" and again.settings["random_state"] == 0 and len(again.convergence) == 1
    assert again.geometry.centre == (4.5, 9.5) and again.geometry.calibration.pixel_unit == "1/Å"
    assert again.mean_patterns().shape == (2, 10, 20)


def _older(path, version):
    """A file as an older version wrote it."""
    with h5py.File(path, "r+") as file:
        head = json.loads(file["settings.json"].asstr()[()])
        head["frame"] = head.pop("geometry")
        if version < 5:
            del head["checksums"], file.attrs["settings_checksum"]
        if version < 3:
            del head["features_shape"]
        if version < 2:
            del file["changes"], file["strengths"]
        _replace(file, "settings.json", json.dumps(head))
        if version == 5:
            file.attrs["settings_checksum"] = text_checksum(json.dumps(head))
        file.attrs["format_version"] = version


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_older_files_are_still_read(version, scan, tmp_path):
    mask = np.zeros((7, 9), bool)
    mask[2, 2] = True
    view = Unmix(scan.data, centre=scan.centre, step=2, step_unit="µm").prepare(direct_beam=2, scan_mask=mask)
    result, path = view.nmf(3, n_starts=2, max_iter=8, random_state=4), tmp_path / "run.h5"
    result.save(path)
    _older(path, version)
    loaded = unmix4d.load(path)
    for name in ("patterns", "maps", "explained", "losses", "mean_pattern", "totals", "residuals"):
        assert np.array_equal(getattr(loaded, name), getattr(result, name), equal_nan=True), name
    assert loaded.settings == result.settings and loaded.geometry.calibration == result.geometry.calibration
    assert (loaded.strengths is None) == (version == 1) and bool(loaded.changes) == (version > 1)


def test_errors_are_told_apart_by_type(result, tmp_path):
    """A file that is not there, and one that is not what it should be."""
    with pytest.raises(OSError) as caught:
        unmix4d.load(tmp_path / "nothing.h5")
    assert not isinstance(caught.value, UnreadableFile)
    (tmp_path / "text.h5").write_text("not HDF5")
    with pytest.raises(UnreadableFile, match="not a readable HDF5 file"):
        unmix4d.load(tmp_path / "text.h5")

"""``python -m unmix4d run``: any file in, report and result out, exit codes that a batch script can rely on."""

import subprocess
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix
from unmix4d.__main__ import main
from unmix4d.commands.saying import only_ours
from unmix4d.core.messages import warn
from unmix4d.hosts.opening import open_scan

WRITTEN = {"report.html", "result.unmix.h5", "components.png", "composite.png", "convergence.png"}


@pytest.fixture
def npy(tmp_path, crystal):
    np.save(tmp_path / "scan.npy", crystal.data)
    return tmp_path / "scan.npy"


def facts(phantom):
    """The calibration of a phantom as options."""
    return [
        "--centre", *map(str, phantom.centre), "--pixel-size", f"{phantom.pixel_size} {phantom.pixel_unit}",
        "--step", f"{phantom.step} {phantom.step_unit}",
    ]  # fmt: skip


def view_of(phantom):
    return Unmix(
        phantom.data, centre=phantom.centre, pixel_size=phantom.pixel_size, pixel_unit=phantom.pixel_unit,
        step=phantom.step, step_unit=phantom.step_unit,
    )  # fmt: skip


@pytest.mark.slow
def test_as_a_program(tmp_path, npy, crystal):
    """In a shell: the result is that of a notebook, the files are there, and nothing else is said on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "unmix4d", "run", str(npy), "--components", "4", "--out", str(tmp_path / "out"),
         "--direct-beam", "4", "--starts", "2", *facts(crystal)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "error" not in done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == WRITTEN
    assert "result.unmix.h5" in done.stdout and "2 nm per step" in done.stdout and ".prepare()" not in done.stdout
    expected = view_of(crystal).prepare(direct_beam=4).nmf(4, n_starts=2, random_state=0)
    found = unmix4d.load(tmp_path / "out" / "result.unmix.h5")
    assert np.allclose(found.maps, expected.maps, atol=1e-5)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "NMF, 4 components" in page and "left-out" not in page.split("<body>")[1]


def test_help_has_examples_and_exit_codes(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["run", "--help"])
    said = capsys.readouterr().out
    assert stop.value.code == 0 and "examples:" in said and "exit codes: 0 done" in said
    # The examples are commands that are understood.
    for line in said.split("examples:")[1].splitlines():
        if "unmix4d run" in line:
            words = line.split("unmix4d run")[1].split("   ")[0].replace('"', "'").split("'")
            parts = [part for i, text in enumerate(words) for part in ([text] if i % 2 else text.split())]
            assert main(["run", *parts, "--out", "/proc/nowhere/out"]) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing.npy"], "there is no file 'nothing.npy'"),
        (["scan.npy", "--components", "9999"], "--components must be at most 480"),
        (["scan.npy", "--components", "5-3"], "--components must be at most 3, got 5"),
        (["scan.npy", "--bin", "7"], "bin must divide the detector"),
        (["scan.npy", "--direct-beam", "six"], "--direct-beam must be a number of pixels or a string"),
        (["scan.npy", "--direct-beam", "2 nm"], "has a unit, but the axis is not calibrated"),
        (["scan.npy", "--step", "fast"], "--step must be"),
        (["scan.npy", "--method", "svd"], "--components must be a number for svd"),
        (["scan.npy", "--method", "merge", "--components", "2-5"], "--components must be a number or auto for merge"),
        (["scan.npy", "--method", "pca", "--starts", "3"], "--starts is for nmf, fuzzy, merge, vca and ica"),
        (["scan.npy", "--seed", "-1"], "random_state must be at least 0"),
        (["cube.npy"], "four dimensions"),
        (["text.npy"], "'text.npy' cannot be read"),
        (["text.h5"], "'text.h5' cannot be read"),
        (["two.h5"], "must hold one four-dimensional dataset, but holds 2: 'a', 'b'"),
        (["two.h5", "--dataset", "c"], "holds no scan 'c', but 'a', 'b'"),
        (["scan.npy", "--out", "text.npy/out"], "cannot be written to"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_and_exits_2(arguments, sentence, tmp_path, npy, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("cube.npy", np.zeros((3, 4, 5)))
    Path("text.npy").write_text("no array")
    Path("text.h5").write_text("no HDF5")
    with h5py.File("two.h5", "w") as file:
        file["a"] = file["b"] = np.ones((2, 2, 8, 8))
    before = set(Path().iterdir())
    assert main(["run", *arguments]) == 2
    said = capsys.readouterr().err.strip()
    *notes, said = said.splitlines()
    assert sentence in said and said.startswith("error: ")
    assert all(note.startswith("note: ") for note in notes)
    assert set(Path().iterdir()) == before  # no folder is left behind


def test_words_that_are_no_options_exit_2(npy, capsys):
    for wrong in (["--components", "many"], ["--method", "magic"], ["--centre", "1"], ["--what"]):
        with pytest.raises(SystemExit) as stop:
            main(["run", str(npy), *wrong])
        assert stop.value.code == 2 and wrong[0] in capsys.readouterr().err


def test_failing_while_computing_exits_1(tmp_path, capsys):
    data = np.ones((4, 5, 10, 10), np.float32)
    data[2, 2, 3, 3] = np.nan
    np.save(tmp_path / "nan.npy", data)
    arguments = ["run", str(tmp_path / "nan.npy"), "--components", "2", "--out", str(tmp_path / "out")]
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "NaN" in said and "Traceback" not in said
    assert main([*arguments, "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_interrupted_exits_130(npy, tmp_path, monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Unmix, "nmf", stop)
    assert main(["run", str(npy), "--components", "2", "--out", str(tmp_path / "out")]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_what_hosts_warn_of_in_threads_is_not_shown(capsys):
    """`catch_warnings` that end out of order leave the filters and the showwarning of somebody else behind."""
    with warnings.catch_warnings(), only_ours():
        warnings.showwarning = warnings._showwarning_orig  # as it was seen, with those of all filters
        warnings.simplefilter("always")
        warnings.warn("of a host", FutureWarning, stacklevel=1)
    assert capsys.readouterr().err == ""
    with only_ours() as next_file:
        for _ in range(2):
            warn("of ours")
        warnings.warn("of a host", FutureWarning, stacklevel=1)
        next_file()
        warn("of ours")
    assert capsys.readouterr().err == "note: of ours\n" * 2


@pytest.fixture
def small(tmp_path, scan):
    np.save(tmp_path / "small.npy", scan.data)
    return tmp_path / "small.npy"


@pytest.mark.slow
def test_the_number_is_chosen_in_a_range(small, tmp_path, scan, capsys):
    out = tmp_path / "out"
    assert main(["run", str(small), "--components", "2-4", "--out", str(out), *facts(scan)]) == 0
    k = unmix4d.load(out / "result.unmix.h5").k
    assert f"<KChoice: {k} components of 2 to 4" in capsys.readouterr().out
    assert (out / "choice.png").exists()
    assert f"Recommended: {k} components" in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("method", "arguments", "kind"),
    [
        ("fuzzy", ["--components", "2-3", "--starts", "2"], "FuzzyClusters"),
        ("merge", ["--features", "radial_variance", "--starts", "3"], "MergedDecomposition"),
        ("svd", ["--components", "3", "--in-memory", "--annulus", "4", "none", "--bin", "2"], "Decomposition"),
    ],
)
def test_methods(method, arguments, kind, small, tmp_path, scan, monkeypatch):
    monkeypatch.setattr(unmix4d.Decomposition, "report", lambda *_, **__: None)  # tested elsewhere, and slow
    out = tmp_path / "out"
    assert main(["run", str(small), "--method", method, "--out", str(out), *arguments, *facts(scan)]) == 0
    result = unmix4d.load(out / "result.unmix.h5")
    assert type(result).__name__ == kind
    assert ("features" in result.settings) == (method == "merge")


def quiet_save(function, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the hosts' own, on writing a file
        function(*arguments)


def test_files_of_hyperspy_stay_on_disk(pyxem, scan, tmp_path, monkeypatch):
    monkeypatch.setattr(unmix4d.Decomposition, "report", lambda *_, **__: None)
    for ending in (".hspy", ".zspy"):
        path = tmp_path / f"scan{ending}"
        quiet_save(scan.to_pyxem().save, str(path))
        view = Unmix(open_scan(path))
        assert view.scan.lazy and view.scan.host.kind == "pyxem"
        assert view.geometry.calibration.step == pytest.approx((scan.step, scan.step))
    assert main(["run", str(path), "--components", "3", "--out", str(tmp_path / "out")]) == 0
    expected = scan.to_pyxem().unmix.nmf(3, random_state=0)
    assert np.allclose(unmix4d.load(tmp_path / "out" / "result.unmix.h5").maps, expected.maps, atol=1e-5)


@pytest.mark.slow
def test_cubes_of_py4dstem_stay_on_disk(py4dstem, scan, tmp_path, monkeypatch):
    monkeypatch.setattr(unmix4d.Decomposition, "report", lambda *_, **__: None)
    path = tmp_path / "scan.h5"
    quiet_save(py4dstem.save, str(path), scan.to_py4dstem())
    cube = open_scan(path)
    assert type(cube).__name__ == "DataCube" and isinstance(cube.data, h5py.Dataset)
    view, same = Unmix(cube), scan.to_py4dstem().unmix
    assert view.geometry.calibration == same.geometry.calibration and view.geometry.centre == same.geometry.centre
    assert main(["run", str(path), "--components", "3", "--out", str(tmp_path / "out")]) == 0
    assert np.allclose(unmix4d.load(tmp_path / "out" / "result.unmix.h5").maps, same.nmf(3, random_state=0).maps, atol=1e-5)


def test_other_hdf5_files(scan, tmp_path):
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file["entry/data"] = scan.data
        file["entry/mean"] = scan.data[0]
    found = open_scan(tmp_path / "raw.h5")
    assert isinstance(found, h5py.Dataset) and found.shape == scan.data.shape
    assert np.array_equal(open_scan(tmp_path / "raw.h5", dataset="/entry/data")[0, 0], scan.data[0, 0])


def test_a_missing_host_is_named(tmp_path, monkeypatch):
    (tmp_path / "scan.blo").write_bytes(b"no blockfile")
    monkeypatch.setitem(sys.modules, "hyperspy.api", None)
    monkeypatch.setitem(sys.modules, "hyperspy", None)
    with pytest.raises(ImportError, match="scan.blo' cannot be read, because a package is missing: .*hyperspy"):
        open_scan(tmp_path / "scan.blo")

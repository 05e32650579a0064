"""Options do what the call in a notebook does, and those that do not fit together are refused before a host is imported."""

import subprocess
import sys

import numpy as np
import pytest

import unmix4d
from support import orientation_scene as scene
from support.written_files import table_in
from unmix4d import Unmix, phantoms
from unmix4d.__main__ import main
from unmix4d.commands import steps
from unmix4d.constraints import Friedel, NoDarkSpots, SmoothMaps, Sparse, SumToOne
from unmix4d.orientation import crystal_from_cif, laue_rotations, misorientation_deg
from unmix4d.orientation.from_cif import phases_from_cif


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(n_grains=3, scan_shape=(10, 12), detector_shape=(32, 32), seed=1)


@pytest.fixture
def run(film, tmp_path, monkeypatch):
    """A function options -> (exit code, folder), of the film as an array."""
    monkeypatch.setattr(steps, "_figures", lambda *_: None)
    monkeypatch.setattr(unmix4d.Decomposition, "report", lambda *_, **__: None)
    np.save(tmp_path / "film.npy", film.data)
    facts = ["--centre", "15.5", "15.5", "--step", "2 nm", "--pixel-size", f"{film.pixel_size} 1/Å"]

    def command(*options):
        given = ["run", str(tmp_path / "film.npy"), "--out", str(tmp_path / "out"), *facts, *options]
        return main(given), tmp_path / "out"

    return command


@pytest.fixture(scope="module")
def view(film):
    return Unmix(film.data, centre=(15.5, 15.5), step=2.0, step_unit="nm", pixel_size=film.pixel_size, pixel_unit="1/Å")


def maps(folder):
    return unmix4d.load(folder / "result.unmix.h5").maps


CASES = [
    (["--smooth-maps", "3 nm"], lambda u: u.nmf(3, constraints=[SmoothMaps(probe_fwhm="3 nm")], random_state=0)),
    (["--smooth-maps", "1.5", "--no-dark-spots"],
     lambda u: u.nmf(3, constraints=[NoDarkSpots(), SmoothMaps(probe_fwhm=1.5)], random_state=0)),
    (["--friedel", "--sparse", "0.1"], lambda u: u.nmf(3, constraints=[Friedel(), Sparse(0.1)], random_state=0)),
    (["--smooth", "2 nm"], lambda u: u.nmf(3, smooth="2 nm", random_state=0)),
    (["--sum-to-one", "--starts", "2"], lambda u: u.nmf(3, constraints=[SumToOne()], n_starts=2, random_state=0)),
    (["--method", "ica", "--starts", "2"], lambda u: u.ica(3, n_starts=2, random_state=0)),
    (["--method", "vca", "--sum-to-one"], lambda u: u.vca(3, sum_to_one=True, random_state=0)),
    (["--method", "pca"], lambda u: u.pca(3)),
    (["--method", "merge", "--starts", "3"], lambda u: u.merge_nmf(3, n_runs=3, random_state=0).consensus()),
    *((["--features", name], lambda u, name=name: getattr(u, name)().nmf(3, random_state=0))
      for name in ("angular_average", "radial_variance", "symmetry", "polar")),
    (["--features", "bragg_disks", "--detector", "py4dstem"],
     lambda u: u.bragg_disks(detector="py4dstem").nmf(3, random_state=0)),
]  # fmt: skip


@pytest.mark.one_in(2)
@pytest.mark.filterwarnings("ignore::unmix4d.UnmixWarning")
@pytest.mark.parametrize(("options", "call"), CASES, ids=[" ".join(options) for options, _ in CASES])
def test_options_are_the_calls_of_a_notebook(options, call, run, view):
    if "py4dstem" in options:
        pytest.importorskip("py4DSTEM")
    code, folder = run("--components", "3", *options)
    assert code == 0
    assert np.allclose(maps(folder), call(view).maps, atol=1e-5, equal_nan=True)


def test_tables_and_figures_beside_the_result(run, view):
    code, folder = run("--components", "3", "--grains", "--overlap")
    assert code == 0
    result = view.nmf(3, random_state=0)
    result.grains().to_csv(folder / "expected.csv")
    rows, expected = (table_in(folder / name) for name in ("grains.csv", "expected.csv"))
    assert list(rows[0]) == list(expected[0]) and len(rows) == len(result.grains())
    for row, other in zip(rows, expected):
        assert np.allclose(np.array(list(row.values()), float), np.array(list(other.values()), float), rtol=1e-4)
    areas = [float(row["area (nm²)"]) for row in table_in(folder / "overlap.csv")]
    assert areas == pytest.approx(list(result.overlap().areas["area"]))
    assert {"grains.png", "overlap.png"} <= {path.name for path in folder.iterdir()}
    # What an earlier run has left does not lie beside the result of another one.
    (folder / "mine.txt").write_text("kept")
    assert run("--components", "2")[0] == 0
    assert {path.name for path in folder.iterdir()} == {"result.unmix.h5", "expected.csv", "mine.txt"}


def test_what_a_result_does_not_have_is_said_when_the_rest_is_written(run, capsys):
    code, folder = run("--components", "1", "--overlap", "--grains")
    said = capsys.readouterr().err
    assert code == 1 and said.splitlines()[-2].startswith("error: --overlap: ")
    assert (folder / "grains.csv").exists() and not (folder / "overlap.csv").exists()


def test_a_line_scan_has_tables_without_maps(film, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(unmix4d.Decomposition, "report", lambda *_, **__: None)  # of a line scan: tests/report
    np.save(tmp_path / "line.npy", film.data.reshape(1, 120, 32, 32))
    given = ["run", str(tmp_path / "line.npy"), "--centre", "15.5", "15.5", "--components", "3", "--grains", "--overlap"]
    assert main([*given, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    assert "note: overlap.png is left out: overlap of a line scan" in said
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"grains.csv", "overlap.csv"} <= names and not {"grains.png", "overlap.png"} & names


@pytest.fixture
def silver(tmp_path):
    np.save(tmp_path / "silver.npy", scene.scan())
    (tmp_path / "silver.cif").write_text(scene.CIF)
    return tmp_path


FACTS = ["--centre", "47.3", "44.6", "--pixel-size", "0.032 1/Å", "--step", "2 nm", "--components", "3"]


def test_orientations_from_a_cif_file(silver, py4dstem, monkeypatch, capsys):
    pytest.importorskip("diffpy.structure")
    monkeypatch.setattr(steps, "_figures", lambda *_: None)
    monkeypatch.setattr(unmix4d.Decomposition, "report", lambda *_, **__: None)
    given = ["run", str(silver / "silver.npy"), *FACTS, "--out", str(silver / "out"), "--cif", str(silver / "silver.cif")]
    assert main(given) == 2
    assert "give --voltage '300 kV'" in capsys.readouterr().err and not (silver / "out").exists()
    assert main([*given, "--voltage", "300 kV"]) == 0
    result = scene.result(scene.scan())
    found = result.index({"silver": crystal_from_cif(silver / "silver.cif")})
    rows = table_in(silver / "out" / "orientations.csv")
    assert [row["phase"] for row in rows] == ["silver"] * 3
    said = [[float(row[f"quaternion_{name}"]) for name in "xyzw"] for row in rows]
    assert np.allclose(said, [match.quaternion for match in found.matches], atol=1e-3)
    off = [misorientation_deg(found.matches[c].matrix, truth, laue_rotations(np.eye(3)))
           for c, truth in zip(scene.order(result), scene.TRUTH)]  # fmt: skip
    assert max(off) < 1
    assert (silver / "out" / "orientations.png").stat().st_size > 1000
    saved = unmix4d.load(silver / "out" / "result.unmix.h5")
    assert saved.geometry.calibration.beam_energy == 300


@pytest.mark.slow
def test_orientations_with_templates_of_pyxem(silver, pyxem):
    """The same orientations where py4DSTEM is not installed."""
    result = scene.result(scene.scan())
    phases = phases_from_cif([silver / "silver.cif"], result.geometry, beam_energy=300, host="pyxem")
    found = result.index(phases)
    off = [misorientation_deg(found.matches[c].matrix, truth, laue_rotations(np.eye(3)))
           for c, truth in zip(scene.order(result), scene.TRUTH)]  # fmt: skip
    assert found.host == "pyxem" and max(off) < 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--method", "fuzzy", "--smooth-maps", "3 nm"], "--smooth-maps is for nmf, got --method fuzzy"),
        (["--method", "merge", "--no-dark-spots"], "--no-dark-spots is for nmf"),
        (["--method", "fuzzy", "--sum-to-one"], "--sum-to-one is for nmf and vca"),
        (["--method", "ica", "--components", "3", "--grains"], "--grains is for nmf, fuzzy, merge and vca"),
        (["--method", "pca"], "--components must be a number for pca"),
        (["--features", "polar", "--friedel"], "--friedel needs the pixels of patterns, got --features polar"),
        (["--detector", "pyxem"], "--detector finds Bragg disks"),
        (["--sparse", "1"], "--sparse must be below 1"),
        (["--smooth-maps", "0"], "--smooth-maps must be above 0"),
        (["--smooth-maps", "wide"], "--smooth-maps must be a number"),
        (["--smooth", "none"], "--smooth must be a number of positions"),
        (["--scan-shape", "0", "4"], "--scan-shape must be at least 1"),
        (["--doses", "1,2"], "--doses are of several scans: leave it out, or add --together"),
        (["--voltage", "300 kV"], "--voltage has no part in a run without --cif"),
        (["--cif", "nothing.cif"], "there is no file 'nothing.cif' for --cif"),
        (["--cif", __file__, "--voltage", "300"], "--voltage must be a string such as '300 kV'"),
        (["--cif", __file__, "--voltage", "300 V"], "--voltage must be from 1 kV to 10000 kV"),
    ],
)
def test_options_that_do_not_fit_together(options, sentence, tmp_path, monkeypatch, capsys):
    """The file is not even looked at: there is none."""
    monkeypatch.chdir(tmp_path)
    assert main(["run", "nothing.hspy", *options]) == 2
    said = capsys.readouterr()
    assert sentence in said.err and said.err.count("\n") == 1 and not said.out and not list(tmp_path.iterdir())


def test_a_width_in_a_unit_that_the_scan_does_not_have(tmp_path, capsys):
    np.save(tmp_path / "scan.npy", np.ones((4, 4, 8, 8)))
    assert main(["run", str(tmp_path / "scan.npy"), "--components", "2", "--smooth-maps", "3 nm"]) == 2
    assert "--smooth-maps = '3 nm' has a unit, but the axis is not calibrated" in capsys.readouterr().err


def test_auto_tries_what_choose_k_tries(tmp_path, monkeypatch, capsys):
    """1 to 16, or as many as there are positions."""
    tiny = phantoms.random_scan(shape=(2, 5, 12, 12), k=2, dose=2000, seed=3)
    np.save(tmp_path / "tiny.npy", tiny.data)
    monkeypatch.setattr(steps, "_figures", lambda *_: None)
    monkeypatch.setattr(unmix4d.Decomposition, "report", lambda *_, **__: None)
    assert main(["run", str(tmp_path / "tiny.npy"), "--out", str(tmp_path / "out")]) == 0
    expected = Unmix(tiny.data).choose_k(random_state=0)
    assert f"<KChoice: {expected.recommended} components of 1 to 10, {expected.confidence}" in capsys.readouterr().out


@pytest.mark.slow
def test_no_host_is_imported_to_refuse():
    code = (
        "import sys; from unmix4d.__main__ import main\n"
        "code = main(['run', 'a.hspy', '--method', 'fuzzy', '--friedel'])\n"
        "print(code, sorted({'pyxem', 'hyperspy', 'py4DSTEM', 'matplotlib', 'h5py'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "2 []" and done.stderr.count("\n") == 1

"""Files as the detectors write them: every number in its place, read lazily, rows and columns asked for where they lack."""

import numpy as np
import pytest

from support import detector_files as files
from unmix4d import Unmix, UnmixWarning, load
from unmix4d.__main__ import main
from unmix4d.core.errors import UnreadableFile
from unmix4d.hosts.opening import open_scan


@pytest.fixture(scope="module")
def data():
    """Rows, columns and pixels that cannot be mistaken for one another."""
    return np.random.default_rng(0).integers(0, 200, (3, 4, 6, 5)).astype(np.uint16)


def patterns(scan):
    return np.asarray(Unmix(scan).scan.patterns)


@pytest.mark.parametrize("quad", [False, True], ids=["single", "quad"])
@pytest.mark.parametrize("bits", [1, 6, 12, 24])
def test_merlin(data, tmp_path, bits, quad, pyxem):
    counts = data.astype(np.uint32) % 2**bits if bits < 24 else data.astype(np.uint32) << 12
    path = files.mib(tmp_path / "scan.mib", counts, bits, quad)
    scan = open_scan(path, scan_shape=(3, 4))
    assert scan._lazy and np.array_equal(patterns(scan), counts)
    with pytest.raises(OSError, match="does not say how many rows and columns"):
        open_scan(path)


@pytest.mark.parametrize(
    ("bits", "quad"), [(1, False), (6, False), (12, False), (24, False), (1, True), (6, True), (12, True)]
)
def test_raw_data_of_merlin(tmp_path, bits, quad):
    """Word by word of 64 bits, as the chips are read out; without a host, and lazily."""
    counts = np.random.default_rng(3).integers(0, 2**bits, (3, 4, 128, 128) if quad else (3, 4, 6, 64)).astype(np.uint32)
    path = files.mib_raw(tmp_path / "scan.mib", counts, bits, quad)
    view = Unmix(open_scan(path, scan_shape=(3, 4)))
    assert view.scan.lazy and np.array_equal(np.asarray(view.scan.patterns), counts)
    assert view.scan.dtype == {1: np.uint8, 6: np.uint8, 12: np.uint16, 24: np.uint32}[bits]
    with pytest.raises(OSError, match="holds 12 patterns and does not say how many rows and columns"):
        open_scan(path)
    with pytest.raises(OSError, match="12 patterns, which are not 5 rows of 3"):
        open_scan(path, scan_shape=(5, 3))


def test_raw_and_processed_data_of_merlin_are_one_image(tmp_path, pyxem):
    counts = np.random.default_rng(3).integers(0, 4000, (1, 2, 128, 128)).astype(np.uint16)
    processed = patterns(open_scan(files.mib(tmp_path / "scan.mib", counts, 12, True), scan_shape=(1, 2)))
    raw = open_scan(files.mib_raw(tmp_path / "raw.mib", counts, 12, True), scan_shape=(1, 2))
    assert np.array_equal(patterns(raw), processed)


def test_raw_data_of_merlin_with_their_hdr(tmp_path):
    counts = np.random.default_rng(3).integers(0, 60, (3, 4, 6, 64)).astype(np.uint8)
    path = files.mib_raw(tmp_path / "scan.mib", counts, 6)
    hdr = "HDR,\t\nFrames in Acquisition (Number):\t{}\nFrames per Trigger (Number):\t4\nEnd\t\n"
    path.with_suffix(".hdr").write_text(hdr.format(12))
    assert np.array_equal(patterns(open_scan(path)), counts)
    path.with_suffix(".hdr").write_text(hdr.format(20))
    with pytest.warns(UnmixWarning, match="gives 12 of the 20 patterns that its .hdr promises"):
        assert np.array_equal(patterns(open_scan(path)), counts)
    path.with_suffix(".hdr").unlink()
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UnreadableFile, match="not a whole number of frames .768 bytes each.: the file was cut"):
        open_scan(path, scan_shape=(3, 4))


def test_raw_data_of_merlin_that_are_not_known(tmp_path):
    path = files.mib_raw(tmp_path / "scan.mib", np.zeros((1, 1, 128, 128), np.uint16), 12, True)
    for said, instead in ((b",12,", b",24,"), (b"   2x2", b"   4x1")):
        other = tmp_path / "other.mib"
        other.write_bytes(path.read_bytes().replace(said, instead))
        with pytest.raises(UnreadableFile, match="is a raw .mib .R64. of 4 chips.*save it as processed data"):
            open_scan(other, scan_shape=(1, 1))
    other.write_bytes(path.read_bytes().replace(b"MQ1,000001,00768", b"MQ1,000001,abcde"))
    with pytest.raises(UnreadableFile, match="a header that is none of a Merlin detector"):
        open_scan(other, scan_shape=(1, 1))


def test_dectris(data, tmp_path):
    """Of several files, lazily, with all 32 bits; the detector's mask is the mask of the view."""
    mask = np.zeros((6, 5), bool)
    mask[1, 2] = True
    counts = data.astype(np.uint32) << 16
    path = files.dectris(tmp_path, counts, mask, files=5)
    view = Unmix(open_scan(path, scan_shape=(3, 4)))
    assert view.scan.lazy and np.array_equal(np.asarray(view.scan.patterns), counts)
    assert np.array_equal(view.geometry.detector_mask, mask)
    with pytest.raises(OSError, match="12 patterns and does not say how many rows .*--scan-shape"):
        open_scan(path)
    with pytest.raises(OSError, match="12 patterns, which are not 3 rows of 5"):
        open_scan(path, scan_shape=(3, 5))
    (tmp_path / "scan_data_000003.h5").unlink()
    with pytest.raises(OSError, match="leads to 'data_000003', which is not there: keep the files"):
        open_scan(path, scan_shape=(3, 4))


@pytest.fixture(scope="module")
def frames():
    return np.random.default_rng(1).normal(5, 1, (2, 3, 128, 128)).astype(np.float32)


def test_empad(frames, tmp_path):
    named = files.empad(tmp_path / "scan_x3_y2.raw", frames)
    scan = open_scan(named)
    assert isinstance(scan.patterns, np.memmap) and np.array_equal(patterns(scan), frames)
    other = files.empad(tmp_path / "film.raw", frames)
    assert np.array_equal(patterns(open_scan(other, scan_shape=(2, 3))), frames)
    with pytest.raises(OSError, match="6 patterns and does not say how many rows"):
        open_scan(other)
    other.write_bytes(other.read_bytes()[:-8])
    with pytest.raises(OSError, match="not a whole number of EMPAD frames .* or the file was cut"):
        open_scan(other, scan_shape=(2, 3))


def test_empad_with_its_xml(frames, tmp_path, pyxem):
    path = files.empad(tmp_path / "scan_x3_y2.raw", frames)
    path.with_suffix(".xml").write_text(
        "<root><raw_file filename='scan_x3_y2.raw'/><pix_x>3</pix_x><pix_y>2</pix_y></root>", encoding="utf-8"
    )
    for name in (path, path.with_suffix(".xml")):
        scan = open_scan(name)
        assert scan._lazy and np.array_equal(patterns(scan), frames)


@pytest.mark.parametrize("scan_fastest", [False, True])
def test_digital_micrograph(data, tmp_path, scan_fastest, pyxem):
    """Both orders of its axes: the units say which are the detector."""
    view = Unmix(open_scan(files.dm4(tmp_path / "scan.dm4", data, scan_fastest=scan_fastest)))
    known = view.geometry.calibration
    assert view.scan.lazy and np.array_equal(np.asarray(view.scan.patterns), data)
    assert (known.step, known.step_unit) == ((2.0, 2.0), "nm") and known.pixel_unit == "1/nm"
    assert known.pixel_size == pytest.approx((0.5, 0.5))


def test_ncem(data, tmp_path, pyxem):
    view = Unmix(open_scan(files.ncem_emd(tmp_path / "scan.emd", data)))
    known = view.geometry.calibration
    assert view.scan.lazy and np.array_equal(np.asarray(view.scan.patterns), data)
    assert (known.step, known.step_unit) == ((2.0, 2.0), "nm") and known.pixel_unit == "1/Å"


def test_velox(data, tmp_path, pyxem):
    scan = open_scan(files.velox_emd(tmp_path / "scan.emd", data), scan_shape=(3, 4))
    known = Unmix(scan).geometry.calibration
    assert scan._lazy and np.array_equal(patterns(scan), data)
    assert known.pixel_unit == "1/nm" and known.pixel_size == pytest.approx((1.0, 1.0))


def test_columns_of_the_flyback_are_left_out(tmp_path, monkeypatch):
    from unmix4d.commands import steps

    monkeypatch.setattr(steps, "_figures", lambda *_: None)
    rng = np.random.default_rng(2)
    shares = rng.dirichlet(np.ones(2), (6, 8))
    data = rng.poisson(np.einsum("ijk,kl->ijl", shares, 60 * rng.random((2, 80)) ** 4).reshape(6, 8, 8, 10))
    np.save(tmp_path / "scan.npy", data.reshape(48, 8, 10))
    given = ["--components", "2", "--method", "svd", "--scan-shape", "6", "8", "--centre", "3.5", "4.5"]
    assert main(["run", str(tmp_path / "scan.npy"), *given, "--flyback", "2", "--out", str(tmp_path / "out")]) == 0
    found = load(tmp_path / "out" / "result.unmix.h5")
    assert np.array_equal(found.totals, data[:, :6].sum((2, 3)))


def test_a_flyback_of_the_whole_row_is_refused(data, tmp_path, capfd):
    np.save(tmp_path / "scan.npy", data)
    assert (
        main(["run", str(tmp_path / "scan.npy"), "--components", "2", "--flyback", "4", "--out", str(tmp_path / "o")]) == 2
    )
    assert "--flyback must be at most 3, got 4" in capfd.readouterr().err

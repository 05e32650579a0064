"""PatternMatrix: every product equals that of the plain matrix, for every kind of input, dtype and mask."""

import dask.array as da
import h5py
import numpy as np
import pytest

from unmix4d import Unmix
from unmix4d.core.geometry import ScanGeometry
from unmix4d.decomposition.hals import update_factor
from unmix4d.engine.matrix import PatternMatrix
from unmix4d.engine.threads import in_order

RNG = np.random.default_rng(5)
SCAN_MASK = np.zeros((7, 9), bool)
SCAN_MASK[2, :] = SCAN_MASK[5, 3] = True
DETECTOR_MASK = np.zeros((20, 26), bool)
DETECTOR_MASK[8:12, 10:15] = DETECTOR_MASK[0, 3] = True


def plain(data, masked):
    """The matrix as anybody would write it down."""
    data = np.asarray(data).reshape(63, 520).astype(float)
    return data[~SCAN_MASK.ravel()][:, ~DETECTOR_MASK.ravel()] if masked else data


def products(matrix):
    n, p = matrix.shape
    right, left = RNG.random((p, 3)), RNG.random((n, 3))
    patterns = RNG.random((3, p))
    maps, xtm, mtm, cross = matrix.alternate(patterns, left, lambda c, g, m: m * 2)
    return {
        "times": (matrix.times(right), lambda X: X @ right),
        "transpose_times": (matrix.transpose_times(left), lambda X: X.T @ left),
        "normal": (matrix.normal(right), lambda X: X.T @ (X @ right)),
        "gram": (matrix.gram(), lambda X: X.T @ X),
        "alternate maps": (maps, lambda X: left * 2),
        "alternate XtM": (xtm, lambda X: X.T @ left * 2),
        "alternate MtM": (mtm, lambda X: left.T @ left * 4),
        "alternate cross": (cross, lambda X: ((X @ patterns.T) * left * 2).sum()),
        "residuals": (matrix.squared_residuals(left, patterns), lambda X: ((X - left @ patterns) ** 2).sum(1)),
        "residuals of pixels": (matrix.residuals(left, patterns)[1], lambda X: ((X - left @ patterns) ** 2).sum(0)),
        "residuals of two": (
            np.stack([sums[0] for sums in matrix.residuals_each([(left, patterns), (2 * left, patterns)])]),
            lambda X: np.stack([((X - m @ patterns) ** 2).sum(1) for m in (left, 2 * left)]),
        ),
        "mean": (matrix.statistics().mean_pattern, lambda X: X.mean(0)),
        "totals": (matrix.statistics().totals, lambda X: X.sum(1)),
        "norm2": (matrix.statistics().norm2, lambda X: (X**2).sum()),
        "total": (matrix.statistics().total, lambda X: X.sum()),
        "extremes": ((matrix.statistics().minimum, matrix.statistics().maximum), lambda X: (X.min(), X.max())),
    }


@pytest.mark.one_in(5)
@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
def test_products_on_every_host(as_host, scan, masked):
    unmix = as_host(scan)
    if masked:
        unmix = unmix.prepare(scan_mask=SCAN_MASK, detector_mask=DETECTOR_MASK)
    X = plain(scan.data, masked)
    for precision, tolerance in (("single", 2e-6), ("double", 1e-12)):
        for name, (found, expected) in products(unmix.matrix(precision)).items():
            truth = expected(X)
            assert np.allclose(found, truth, rtol=tolerance, atol=tolerance * np.abs(truth).max()), name


@pytest.mark.parametrize("dtype", ["u1", "i2", "<u2", ">u2", "u4", "i8", ">f4", "f2", "f4", ">f8", "f8", "?"])
def test_every_real_dtype(scan, dtype):
    data = (np.asarray(scan.data) % 120).astype(dtype)
    matrix = Unmix(data).matrix()
    assert matrix.dtype == (np.float64 if np.dtype(dtype).itemsize == 8 and np.dtype(dtype).kind == "f" else np.float32)
    assert np.allclose(matrix.times(np.eye(520)[:, :4]), data.reshape(63, 520)[:, :4].astype(float))
    assert matrix.times(np.ones((520, 1))).dtype == matrix.dtype


def test_small_blocks_and_batches_change_nothing(scan, monkeypatch):
    from unmix4d.engine import blocks, passes

    whole = Unmix(scan.data).matrix("double").normal(np.ones((520, 2)))
    for block, batch in ((2000, 600), (1 << 14, 5000), (1, 1)):
        monkeypatch.setattr(blocks, "_SLICE_BYTES", block)
        monkeypatch.setattr(passes, "BATCH_VALUES", batch)
        matrix = Unmix(scan.data).prepare(scan_mask=SCAN_MASK).matrix("double")
        assert matrix.shape == (53, 520)
        again = Unmix(scan.data).matrix("double").normal(np.ones((520, 2)))
        assert np.allclose(again, whole, rtol=1e-13)


def test_blocks_follow_the_storage_chunks(tmp_path):
    """Reading across chunks would decompress each of them several times."""
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        dataset = file.create_dataset("scan", shape=(40, 50, 64, 64), dtype="u2", chunks=(8, 10, 64, 64))
        plan = Unmix(dataset).matrix()._plan
        assert len(plan.tiles) > 0
        for rows, cols in plan.tiles:
            assert rows.start % 8 == 0 and cols.start % 10 == 0
    lazy = da.zeros((100, 90, 32, 32), chunks=(10, 15, 16, 32), dtype="u2")
    for rows, cols in Unmix(lazy).matrix()._plan.tiles:
        assert rows.start % 10 == 0 and cols.start % 15 == 0


def test_a_row_of_the_scan_wider_than_a_block_is_split():
    geometry = ScanGeometry((2, 5000), (128, 128))
    patterns = np.broadcast_to(np.uint16(1), (2, 5000, 128, 128))
    tiles = PatternMatrix(patterns, geometry)._plan.tiles
    assert max((r.stop - r.start) * (c.stop - c.start) for r, c in tiles) * 128 * 128 * 2 <= 64 << 20
    assert sum((r.stop - r.start) * (c.stop - c.start) for r, c in tiles) == 10000


def test_answers_of_threads_come_in_order():
    assert list(in_order(lambda i, cancelled: i**2, 40)) == [i**2 for i in range(40)]


def test_passes_are_counted(scan):
    matrix = Unmix(scan.data).matrix()
    matrix.statistics()
    matrix.statistics()
    assert matrix.passes == 1
    matrix.times(np.ones((520, 1)))
    matrix.alternate(np.ones((2, 520)), np.ones((63, 2)), update_factor)
    assert matrix.passes == 3


@pytest.mark.parametrize(
    "dtype, largest", [("uint8", 255), ("uint16", 9), ("uint16", 65535), ("int16", 300), ("int32", 3_000_000)]
)
def test_sums_of_integers_are_exact(dtype, largest):
    """Of few counts in single precision, of more in double: integers come out as integers either way."""
    data = (
        np.random.default_rng(0).integers(-(largest // 3) if dtype[0] == "i" else 0, largest, (5, 7, 20, 30)).astype(dtype)
    )
    X, found = data.reshape(35, 600).astype(np.int64), Unmix(data).matrix().statistics()
    np.testing.assert_array_equal(found.totals, X.sum(1))
    np.testing.assert_array_equal(found.position_squares, (X**2).sum(1))
    np.testing.assert_array_equal(found.pixel_squares, (X**2).sum(0))
    np.testing.assert_array_equal(found.mean_pattern, X.sum(0) / 35)


@pytest.mark.parametrize("lazy", [False, True])
def test_nan_is_refused_with_its_place(scan, lazy):
    data = scan.data.astype(float)
    data[3, 4, 11, 17] = np.nan
    data[5, 1, 2, 3] = np.inf
    data = da.from_array(data, chunks=(2, 5, 20, 13)) if lazy else data
    with pytest.raises(ValueError, match=r"2 pattern\(s\).*scan position \(3, 4\).*pixel \(2, 3\)"):
        Unmix(data).matrix().statistics()
    mask = np.zeros((20, 26), bool)
    mask[11, 17] = mask[2, 3] = True
    assert np.isfinite(Unmix(data).prepare(detector_mask=mask).matrix().statistics().total)
    mask = np.zeros((7, 9), bool)
    mask[3, 4] = mask[5, 1] = True
    assert np.isfinite(Unmix(data).prepare(scan_mask=mask).matrix().statistics().total)


def test_a_closed_file_is_named(tmp_path, scan):
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        unmix = Unmix(file.create_dataset("scan", data=scan.data))
        binned = unmix.prepare(bin=2)
        assert unmix.matrix().statistics().total == scan.data.sum()
    for view in (unmix, binned):
        with pytest.raises(ValueError, match="the HDF5 file behind the scan is closed"):
            view.nmf(2)
    with pytest.raises(ValueError, match="the HDF5 file behind the scan is closed"):
        Unmix(unmix.scan.patterns._dataset)


def test_a_lazy_scan_that_cannot_be_read_says_so(scan, tmp_path):
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        lazy = da.from_array(file.create_dataset("scan", data=scan.data), chunks=(3, 3, 20, 26))
        unmix = Unmix(lazy)
    with pytest.raises(OSError, match="the lazy scan could not be computed"):
        unmix.nmf(2)

    def fails(block):
        raise RuntimeError("detector on fire")

    broken = da.from_array(scan.data, chunks=(3, 3, 20, 26)).map_blocks(fails, dtype="u2", meta=np.empty((0,) * 4, "u2"))
    with pytest.raises(OSError, match="could not be computed: RuntimeError: detector on fire"):
        Unmix(broken).svd(2)


@pytest.mark.parametrize("scale, dtype", [(1e-30, "f4"), (1e30, "f4"), (1e-200, "f8"), (1e200, "f8")])
def test_values_that_cannot_be_squared_are_refused(scan, scale, dtype):
    with pytest.raises(ValueError, match="the largest absolute value of the scan must be between .* rescale the scan"):
        Unmix(np.asarray(scan.data, dtype) * np.asarray(scale, dtype)).nmf(2)


def test_threads_are_given_back_whoever_ends_last(scan):
    """Passes in several threads: the limit on the linear algebra must not outlive them."""
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_info, threadpool_limits

    with threadpool_limits(2, user_api="blas"):
        before = [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda seed: Unmix(scan.data).nmf(3, max_iter=20, random_state=seed), range(8)))
        assert [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"] == before


def test_the_scan_never_exists_as_float():
    """Memory of a pass stays far below a float copy of the scan."""
    import tracemalloc

    data = np.ones((96, 96, 64, 64), np.uint8)  # 38 MB; 151 MB in single precision
    matrix = Unmix(data).matrix()
    tracemalloc.start()
    matrix.normal(np.ones((4096, 8)))
    matrix.statistics()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80e6


@pytest.mark.parametrize(
    "obj, error, message",
    [
        (np.zeros((3, 4, 5)), ValueError, "four dimensions .* got 3"),
        (np.zeros((3, 0, 5, 6)), ValueError, "empty"),
        (np.zeros((2, 2, 2, 2), complex), TypeError, "real numbers, got dtype complex128"),
        (np.full((2, 2, 2, 2), "a"), TypeError, "real numbers"),
        (da.zeros((2, 2, 2, 2))[da.ones(2) > 0], ValueError, "unknown size.*compute_chunk_sizes"),
        (da.ma.masked_greater(da.ones((2, 2, 2, 2)), 0), TypeError, "masked array"),
        (np.ma.masked_equal(np.zeros((2, 2, 2, 2)), 0), TypeError, "masked array"),
        ("scan.hspy", TypeError, "got str"),
        (None, TypeError, "got NoneType"),
    ],
)
def test_what_is_no_scan_is_refused(obj, error, message):
    with pytest.raises(error, match=message):
        Unmix(obj)


def test_a_lazy_scan_is_read_once_where_it_may_be_held(scan):
    import dask

    reads = []

    @dask.delayed
    def block(values):
        reads.append(len(values))
        return values

    parts = [da.from_delayed(block(p), p.shape, p.dtype) for p in np.array_split(scan.data, 2)]
    lazy, mask = da.concatenate(parts), np.zeros(scan.data.shape[2:], bool)
    mask[2:5, 3:9] = True
    for keep, often in ((True, 1), (False, 4), ("auto", 1)):
        reads.clear()
        view = Unmix(lazy).prepare(detector_mask=mask, keep=keep)
        assert ("held in memory by methods of several passes" in repr(view)) == (keep is not False)
        matrix, plain = view.matrix(), Unmix(scan.data).prepare(detector_mask=mask, keep=False).matrix()
        right = np.random.default_rng(0).random((matrix.shape[1], 3))
        assert np.allclose(matrix.hold().statistics().pixel_squares, plain.statistics().pixel_squares)
        for _ in range(3):
            assert np.allclose(matrix.times(right), plain.times(right), rtol=1e-5)
        assert len(reads) == 2 * often and matrix.passes == 4
    with dask.config.set(scheduler="processes"):
        assert "held in memory" not in repr(Unmix(lazy))
    with pytest.raises(ValueError, match="keep must be"):
        Unmix(lazy).prepare(keep="always")


def test_room_is_what_the_machine_or_its_container_has_free(tmp_path, monkeypatch):
    from unmix4d.engine import holding

    monkeypatch.setattr(holding, "_CGROUP", tmp_path)
    free = holding.room()
    assert 0 < free < 1 << 50
    (tmp_path / "memory.max").write_text("max\n")
    assert holding.room() == pytest.approx(free, rel=0.2)
    (tmp_path / "memory.max").write_text(str(1 << 20))
    assert holding.room() == 0
    (tmp_path / "memory.max").unlink()
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text(str(1 << 40))
    assert holding.room() == pytest.approx(free, rel=0.2)

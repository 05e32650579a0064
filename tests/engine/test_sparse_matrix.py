"""SparseMatrix: the same answers as PatternMatrix, from the non-zeros alone."""

import numpy as np
import pytest
from scipy import sparse
from test_matrix import DETECTOR_MASK, SCAN_MASK, plain, products

from unmix4d import Unmix
from unmix4d.core.geometry import ScanGeometry
from unmix4d.engine.sparse_matrix import SparseMatrix, sparsified

FEW = np.random.default_rng(4).poisson(0.05, (7, 9, 20, 26)).astype("u2")


def held(data, precision="single", **masks):
    return sparsified(Unmix(data).prepare(**masks).matrix(precision), max_fill=1)


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("precision, tolerance", [("single", 2e-6), ("double", 1e-12)])
def test_products(masked, precision, tolerance):
    masks = dict(scan_mask=SCAN_MASK, detector_mask=DETECTOR_MASK) if masked else {}
    X = plain(FEW, masked)
    for name, (found, expected) in products(held(FEW, precision, **masks)).items():
        truth = expected(X)
        assert np.allclose(found, truth, rtol=tolerance, atol=tolerance * np.abs(truth).max()), name


def test_every_host_is_collected(as_host, scan):
    matrix = as_host(scan).matrix()
    found = sparsified(matrix, max_fill=1)
    assert np.array_equal(found._csr.toarray(), scan.data.reshape(63, 520))
    assert found._csr.dtype == (np.uint8 if scan.data.max() < 256 else np.uint16)
    assert found.passes == matrix.passes == 2 and found.shape == matrix.shape and found.dtype == matrix.dtype


def test_small_batches_change_nothing(monkeypatch):
    from unmix4d.engine import blocks, passes

    whole = held(FEW, "double").normal(np.ones((520, 2)))
    monkeypatch.setattr(blocks, "_SLICE_BYTES", 2000)
    for batch in (600, 5000, 1):
        monkeypatch.setattr(passes, "BATCH_VALUES", batch)
        assert np.allclose(held(FEW, "double").normal(np.ones((520, 2))), whole, rtol=1e-13)


def test_values_keep_their_type_where_they_can():
    assert held(FEW * 300)._csr.dtype == np.uint16
    assert held(FEW * 0.5)._csr.dtype == np.float64
    assert held((FEW * 0.5).astype("f4"))._csr.dtype == np.float32
    assert held(-FEW.astype(int))._csr.dtype == np.float32
    large = FEW.astype("u4") * 70000
    assert held(large)._csr.dtype == np.float32 and np.array_equal(held(large)._csr.toarray(), large.reshape(63, 520))


def test_what_is_too_full_or_too_large_is_left_alone(scan):
    assert sparsified(Unmix(FEW).matrix(), max_fill=0.01) is None
    assert sparsified(Unmix(FEW).matrix(), limit_bytes=1000) is None
    assert sparsified(Unmix(scan.data).matrix()) is None  # nearly full
    assert 0.03 < sparsified(Unmix(FEW).matrix()).fill < 0.06


def test_an_empty_scan_is_no_trouble():
    matrix = held(np.zeros((3, 4, 10, 20), "u1"))
    assert matrix.fill == 0 and (matrix.times(np.ones((200, 2))) == 0).all()
    with pytest.raises(ValueError, match="svd needs a signal"):
        matrix.require_counts("svd")


def test_centred_and_other_kernels_see_plain_arrays():
    matrix = held(FEW, "double")
    centred = matrix.centred()
    X = plain(FEW, False) - plain(FEW, False).mean(0)
    assert np.allclose(centred.times(np.ones((520, 1))), X.sum(1, keepdims=True))
    assert np.array_equal(matrix.visit(_copy)[0], FEW.reshape(63, 520))


def _copy(X):
    assert isinstance(X, np.ndarray)
    return X.copy(), ()


def test_the_given_matrix_is_not_changed():
    """Not even where it stores an entry twice, or a zero."""
    parts = np.array([1.0, 2.0, 0.0, 5.0]), np.array([3, 3, 1, 0]), np.array([0, 3, 3, 4])
    csr = sparse.csr_matrix(tuple(part.copy() for part in parts), shape=(3, 6))
    matrix = SparseMatrix(csr, ScanGeometry((1, 3), (2, 3)))
    assert matrix.times(np.eye(6)).tolist() == [[0, 0, 0, 3, 0, 0], [0] * 6, [5, 0, 0, 0, 0, 0]]
    assert matrix._csr.nnz == 2
    assert all(np.array_equal(a, b) for a, b in zip((csr.data, csr.indices, csr.indptr), parts))


def test_memory_is_that_of_the_non_zeros():
    import tracemalloc

    data = np.zeros((96, 96, 64, 64), np.uint8)
    data[..., ::32, ::16] = 3
    view = Unmix(data)
    tracemalloc.start()
    matrix = sparsified(view.matrix())
    matrix.normal(np.ones((4096, 4)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert matrix.nbytes < 5.2 * 96 * 96 * 8 + 1e5
    assert peak < 60e6  # 38 MB of scan would be 151 MB in single precision


@pytest.mark.parametrize(
    "csr, error, message",
    [
        (np.eye(6), TypeError, "csr must be a scipy sparse matrix or array, got ndarray"),
        (sparse.eye(6, dtype=complex), TypeError, "csr must hold real numbers, got dtype complex128"),
        (sparse.eye(5), ValueError, r"csr must have the shape \(6, 6\) of its geometry, got \(5, 5\)"),
        (sparse.eye(6) * np.nan, ValueError, r"csr must be finite, got 6 NaN"),
    ],
)
def test_wrong_input_is_refused(csr, error, message):
    with pytest.raises(error, match=message):
        SparseMatrix(csr, ScanGeometry((2, 3), (1, 6)))

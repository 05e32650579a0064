"""Tensors of torch, on the CPU, because no GPU was at hand: blocks are read there in the same way as from any device."""

import pickle
import warnings

import numpy as np
import pytest

from unmix4d import Unmix, phantoms
from unmix4d.core.tensors import OnDevice

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what it imports
    torch = pytest.importorskip("torch", reason="torch comes with quantem", exc_type=ImportError)


@pytest.fixture(scope="module")
def counts():
    """Up to 60, which every type below holds."""
    return np.minimum(phantoms.random_scan(shape=(6, 7, 10, 12), k=2, dose=2000, seed=0).data, 60).astype(np.uint8)


@pytest.mark.parametrize("name", ["uint8", "int16", "uint16", "int32", "float16", "float32", "float64"])
def test_what_numpy_has_shares_its_memory(counts, name):
    tensor = torch.from_numpy(counts.astype(name))
    patterns = Unmix(tensor).scan.patterns
    assert patterns.dtype == name and np.shares_memory(patterns, tensor.numpy())


def test_strides_and_gradients_and_negative_bits_are_no_matter(counts):
    tensor = torch.from_numpy(counts.astype(np.float32))
    turned = tensor.permute(1, 0, 3, 2)
    assert np.array_equal(Unmix(turned).scan.patterns, counts.transpose(1, 0, 3, 2))
    assert np.shares_memory(Unmix(turned).scan.patterns, tensor.numpy())
    assert np.array_equal(Unmix(tensor.clone().requires_grad_()).scan.patterns, counts)
    negated = torch.complex(torch.zeros_like(tensor), tensor).conj().imag
    assert negated.is_neg() and np.array_equal(Unmix(-negated).scan.patterns, counts)


def test_types_that_numpy_lacks_are_read_block_by_block(counts):
    tensor = torch.from_numpy(counts.astype(np.float32)).to(torch.bfloat16)
    scan = Unmix(tensor).scan
    assert isinstance(scan.patterns, OnDevice) and scan.dtype == np.float32
    assert np.array_equal(scan.patterns[2:4, 1:], counts[2:4, 1:])
    small = Unmix(torch.from_numpy(counts % 16).float().to(torch.float8_e4m3fn)).scan
    assert np.array_equal(small.patterns[...], counts % 16)


def test_blocks_are_those_of_an_array(counts):
    """The way of every other device, walked on the CPU."""
    read = OnDevice(torch.from_numpy(counts))
    for key in [..., 3, -1, (2, 5), np.s_[1:4, ::2], np.s_[..., 2:5], np.s_[np.int64(1), 2:]]:
        assert np.array_equal(read[key], counts[key])
    for key in [np.s_[::-1], np.s_[[0, 2], 1], (counts[..., 0, 0] > 10,), np.s_[1:3, None]]:
        assert np.array_equal(read[key], counts[key])  # NumPy's own way, for what torch does otherwise
    assert np.array_equal(pickle.loads(pickle.dumps(read))[1], counts[1])


def test_an_answer_from_a_device_is_that_from_an_array(counts):
    wanted = Unmix(counts.astype(np.float32))
    view = Unmix(OnDevice(torch.from_numpy(counts).to(torch.bfloat16)))
    ours, theirs = (one.nmf(2, random_state=0) for one in (view, wanted))
    assert np.allclose(ours.maps, theirs.maps, rtol=1e-4, atol=1e-4 * theirs.maps.max())
    mask = np.zeros((10, 12), bool)
    mask[0] = True
    ours, theirs = (one.prepare(bin=2, detector_mask=mask).svd(2) for one in (view, wanted))
    assert np.allclose(np.abs(ours.maps), np.abs(theirs.maps), atol=1e-3 * np.abs(theirs.maps).max())
    assert np.array_equal(np.asarray(view.region(rows=(1, 4)).scan.patterns), counts[1:4])


def test_what_holds_no_numbers_is_refused(counts):
    tensor = torch.from_numpy(counts)
    with pytest.raises(TypeError, match='on the device "meta", which has a shape and no data'):
        Unmix(torch.empty((2, 3, 4, 5), device="meta"))
    with pytest.raises(TypeError, match="dense tensor, got one of the layout torch.sparse_coo: call its to_dense"):
        Unmix(tensor.to_sparse())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls these deprecated
        whole = torch.quantize_per_tensor(tensor.float(), 1.0, 0, torch.quint8)
    with pytest.raises(TypeError, match="tensor of numbers, got torch.quint8: call its dequantize"):
        Unmix(whole)
    for kind in (torch.complex64, torch.complex32):
        with pytest.raises(TypeError, match="must hold real numbers"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls complex32 experimental
            Unmix(tensor.to(kind))

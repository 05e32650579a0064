"""Names of files, components and units that nobody should give, but somebody does."""

import numpy as np
import pytest

import unmix4d
from support.scans import counts
from unmix4d import Unmix


@pytest.mark.parametrize("name", ["a\0b", "\ud800", b"\0"])
def test_names_that_no_file_can_have(name, tmp_path):
    result = Unmix(counts(4, 5, 6, 7)).nmf(2, random_state=0, max_iter=2)
    calls = (result.save, unmix4d.load, lambda n: result.report(n, sections=["citation"]), result.grains(min_size=1).to_csv)
    for call in calls:
        with pytest.raises(ValueError, match="path must be a name that a file can have"):
            call(name)
    with pytest.raises(TypeError, match="path must be the name of a file"):
        result.save(3)
    from unmix4d.__main__ import main

    np.save(tmp_path / "scan.npy", counts(4, 5, 6, 7))
    assert main(["run", str(tmp_path / "scan.npy"), "--out", "a\0b"]) == 2


def test_names_beyond_ascii_and_units_without_dimension(tmp_path):
    counts = np.random.default_rng(0).poisson(4, (3, 4, 5, 6))
    view = Unmix(counts, step=np.array(0.25), step_unit="ünit ☃", pixel_size=np.float32(2))
    result = view.nmf(2, random_state=0, max_iter=2)
    result.save(tmp_path / "ŕ☃.h5")
    assert unmix4d.load(tmp_path / "ŕ☃.h5").geometry.calibration.step_unit == "ünit ☃"
    assert "ünit ☃" in repr(result)

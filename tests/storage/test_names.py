"""Names of files, components and units that nobody should give, but somebody does."""

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix


@pytest.mark.filterwarnings("ignore:nmf finds nothing in this scan")
def test_names_beyond_ascii_and_units_without_dimension(tmp_path):
    counts = np.random.default_rng(0).poisson(4, (3, 4, 5, 6))
    view = Unmix(counts, step=np.array(0.25), step_unit="ünit ☃", pixel_size=np.float32(2))
    result = view.nmf(2, random_state=0, max_iter=2)
    result.save(tmp_path / "ŕ☃.h5")
    assert unmix4d.load(tmp_path / "ŕ☃.h5").geometry.calibration.step_unit == "ünit ☃"
    assert "ünit ☃" in repr(result)

"""Where a centre may be on a detector, and where it is questioned."""

import pytest

from unmix4d.core.centre import require_centre
from unmix4d.core.geometry import ScanGeometry
from unmix4d.core.messages import UnmixWarning


@pytest.mark.parametrize("centre", [(0.2, 0.3), (0.2, 27.5), (37.8, 0.3), (37.8, 27.5)])
def test_a_centre_in_any_corner_is_told(centre):
    with pytest.warns(UnmixWarning, match="is in a corner of the detector of 39 x 29 pixels"):
        require_centre(ScanGeometry((2, 2), (39, 29), centre=centre, centre_known=True), "this")


NEAR = [(0.2, 1.0), (0.2, 27.0), (1.0, 0.3), (37.0, 0.3), (0.0, 14.0), (19.0, 0.0), (38.0, 14.0), (19.0, 28.0)]


@pytest.mark.parametrize("centre", NEAR)
def test_a_centre_near_or_on_an_edge_is_not_told(centre):
    require_centre(ScanGeometry((2, 2), (39, 29), centre=centre, centre_known=True), "this")


@pytest.mark.parametrize("centre", [(0.5, 1.0), (1.0, 0.5)])
def test_a_fiftieth_of_the_detector_from_an_edge_is_no_corner(centre):
    require_centre(ScanGeometry((2, 2), (50, 50), centre=centre, centre_known=True), "this")


@pytest.mark.parametrize("centre", [(-0.1, 14.0), (19.0, -0.1), (38.1, 14.0), (19.0, 28.1)])
def test_a_centre_outside_is_told(centre):
    with pytest.warns(UnmixWarning, match="is outside the detector of 39 x 29 pixels"):
        require_centre(ScanGeometry((2, 2), (39, 29), centre=centre, centre_known=True), "this")

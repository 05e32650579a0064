"""Where a centre may be on a detector, and where it is questioned."""

import pytest

from unmix4d.core.centre import require_centre
from unmix4d.core.geometry import ScanGeometry
from unmix4d.core.messages import UnmixWarning

CORNERS = [(0.2, 0.3), (0.2, 27.5), (37.8, 0.3), (37.8, 27.5)]
OUTSIDE = [(-0.1, 14.0), (19.0, -0.1), (38.1, 14.0), (19.0, 28.1)]
NEAR = [(0.2, 1.0), (0.2, 27.0), (1.0, 0.3), (37.0, 0.3), (0.0, 14.0), (19.0, 0.0), (38.0, 14.0), (19.0, 28.0)]


def require(centre, shape=(39, 29)):
    require_centre(ScanGeometry((2, 2), shape, centre=centre, centre_known=True), "this")


@pytest.mark.parametrize(("where", "centres"), [("in a corner of", CORNERS), ("outside", OUTSIDE)])
def test_a_centre_in_any_corner_or_outside_is_told(where, centres):
    for centre in centres:
        with pytest.warns(UnmixWarning, match=f"is {where} the detector of 39 x 29 pixels"):
            require(centre)


def test_a_centre_near_or_on_an_edge_is_not_told():
    for centre in NEAR:
        require(centre)
    for centre in [(0.5, 1.0), (1.0, 0.5)]:  # a fiftieth of the detector from an edge
        require(centre, (50, 50))

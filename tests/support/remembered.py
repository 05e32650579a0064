"""What a host computes anew in every call, though it depends on the geometry alone."""

import functools


@functools.cache
def remember_slices(pyxem):
    """pyxem intersects every pixel with every polar pixel each time, for seconds: once for each geometry is enough."""
    from pyxem.utils.calibration import Calibration

    compute, known = Calibration.get_slices2d, {}

    def get_slices2d(self, *args, **kwargs):
        affine = None if self.affine is None else self.affine.tobytes()
        extent = tuple(part.tobytes() for part in self.pixel_extent)
        key = (tuple(self.shape), extent, affine, repr(args), repr(kwargs))
        if key not in known:
            known[key] = compute(self, *args, **kwargs)
        slices, factors, places, radial_range = known[key]
        return slices.copy(), factors.copy(), places.copy(), radial_range

    Calibration.get_slices2d = get_slices2d

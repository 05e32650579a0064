"""Conversion of a Phantom to pyxem and py4DSTEM; hosts are imported inside the functions only."""


def to_pyxem(phantom, lazy):
    """Calibrated ElectronDiffraction2D; see `Phantom.to_pyxem`."""
    try:
        from pyxem.signals import ElectronDiffraction2D, LazyElectronDiffraction2D
    except ImportError as error:
        raise ImportError("to_pyxem needs pyxem (Python 3.13 or older): pip install unmix4d[pyxem]") from error
    # An on-disk scan is never read into memory behind the user's back.
    lazy = lazy or hasattr(phantom.data, "dask")
    signal = LazyElectronDiffraction2D(phantom.to_dask()) if lazy else ElectronDiffraction2D(phantom.data)
    size = phantom.pixel_size
    axes = [
        ("y", phantom.step, 0.0, phantom.step_unit),
        ("x", phantom.step, 0.0, phantom.step_unit),
        # HyperSpy's offset is the coordinate of pixel 0, hence minus the centre.
        ("ky", size, -phantom.centre[0] * size, phantom.pixel_unit),
        ("kx", size, -phantom.centre[1] * size, phantom.pixel_unit),
    ]
    for axis, (name, scale, offset, units) in zip(signal.axes_manager._axes, axes):
        axis.name, axis.scale, axis.offset, axis.units = name, scale, offset, units
    signal.metadata.set_item("Acquisition_instrument.TEM.beam_energy", phantom.beam_energy)
    signal.metadata.set_item("General.title", str(phantom.settings.get("builder", "phantom")))
    if phantom.detector_mask is not None:
        signal.metadata.set_item("General.mask", phantom.detector_mask.copy())
    return signal


def to_py4dstem(phantom):
    """Calibrated DataCube; see `Phantom.to_py4dstem`."""
    try:
        from py4DSTEM import DataCube
    except ImportError as error:
        raise ImportError("to_py4dstem needs py4DSTEM (Python 3.12 or older): pip install unmix4d[py4dstem]") from error
    cube = DataCube(data=phantom.data, name=str(phantom.settings.get("builder", "phantom")))
    cube.calibration.set_Q_pixel_size(phantom.pixel_size)
    # py4DSTEM spells 1/angstrom its own way and checks for that spelling.
    cube.calibration.set_Q_pixel_units("A^-1")
    cube.calibration.set_R_pixel_size(phantom.step)
    cube.calibration.set_R_pixel_units(phantom.step_unit)
    cube.calibration.set_origin(tuple(float(c) for c in phantom.centre))
    return cube

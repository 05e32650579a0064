"""Results for other programs: what ImageJ, DigitalMicrograph, xarray, pandas and HyperSpy read back of them."""

import csv
import json
import os
import sys

import numpy as np
import pytest

from unmix4d import Unmix, phantoms
from unmix4d.core.errors import ChangedData


def names(paths):
    return [os.path.basename(path) for path in paths]


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(n_grains=3, scan_shape=(8, 9), detector_shape=(20, 24), dose=2000, seed=3)


@pytest.fixture(scope="module")
def result(film):
    mask = np.zeros((20, 24), bool)
    mask[:3] = True
    view = Unmix(film.data, step=(2.0, 3.0), step_unit="nm", pixel_size=0.05, pixel_unit="1/Å", centre=(9.5, 11.5))
    return view.prepare(detector_mask=mask).nmf(3, random_state=0).rename({0: "matrix"})


def test_stacks_are_those_of_imagej(result, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    paths = result.save_images(tmp_path / "new")
    assert names(paths) == ["maps.tif", "patterns.tif"]
    with tifffile.TiffFile(paths[0]) as file:
        told, tags = file.imagej_metadata, file.pages[0].tags
        assert np.array_equal(file.asarray(), result.maps)
        assert told["unit"] == "nm" and told["images"] == 3 and told["Labels"] == ["matrix", "1", "2"]
        width, height = (tags[name].value for name in ("XResolution", "YResolution"))
        assert width[0] / width[1] == pytest.approx(1 / 3) and height[0] / height[1] == pytest.approx(1 / 2)
        assert tags[65003].value == "nm" and (tags[65009].value, tags[65010].value) == (3.0, 2.0)
    with tifffile.TiffFile(paths[1]) as file:
        told, tags = file.imagej_metadata, file.pages[0].tags
        assert np.array_equal(file.asarray(), result.patterns, equal_nan=True)
        assert told["unit"] == "1/nm" and (told["xorigin"], told["yorigin"]) == (11.5, 9.5)
        width = tags["XResolution"].value
        assert width[0] / width[1] == pytest.approx(1 / 0.5) and tags[65009].value == pytest.approx(0.5)


def test_hyperspy_reads_the_size_of_a_pixel(result, tmp_path, pyxem):
    import hyperspy.api as hs

    for path, sizes, unit in zip(result.save_images(tmp_path), ((2.0, 3.0), (0.5, 0.5)), ("nm", "1/nm")):
        axes = hs.load(path).axes_manager.signal_axes[::-1]
        assert [axis.scale for axis in axes] == pytest.approx(sizes) and {axis.units for axis in axes} == {unit}


@pytest.mark.parametrize(
    ("unit", "size", "said", "pixel"),
    [("µm", 0.2, "micron", 0.2), ("Å", 20, "nm", 2.0), ("px", 1, "pixel", 1.0), ("mrad", 2, "mrad", 2.0)],
)
def test_units_are_said_in_plain_letters(film, tmp_path, unit, size, said, pixel):
    tifffile = pytest.importorskip("tifffile")
    path = Unmix(film.data, step=size, step_unit=unit).svd(1).save_images(tmp_path)[0]
    with tifffile.TiffFile(path) as file:
        resolution = file.pages[0].tags["XResolution"].value
        assert file.imagej_metadata["unit"] == said and resolution[1] / resolution[0] == pytest.approx(pixel)


def test_an_image_of_each(result, tmp_path):
    from PIL import Image

    paths = result.save_images(tmp_path, format="png")
    assert names(paths) == [f"{what}_{i}.png" for what in ("map", "pattern") for i in range(3)]
    for i, path in enumerate(paths[3:]):
        with Image.open(path) as image:
            grey, alpha = np.moveaxis(np.asarray(image), -1, 0)
            black, white = float(image.text["black"]), float(image.text["white"])
            assert image.text["unit"] == "1/nm" and float(image.text["pixel width"]) == pytest.approx(0.5)
            assert image.text["component"] == result.names[i]
        assert np.array_equal(alpha == 0, np.isnan(result.patterns[i]))
        values = black + grey / 255 * (white - black)
        assert np.nanmax(np.abs(values - result.patterns[i])) <= 0.51 * (white - black) / 255


def test_only_two_formats_are_known(result, tmp_path):
    with pytest.raises(ValueError, match="format must be one of .*tiff.*png.*, got 'jpg'"):
        result.save_images(tmp_path, format="jpg")


@pytest.mark.parametrize("kind", ["netcdf", "zarr"])
def test_a_tree_of_xarray_is_written_and_read(result, tmp_path, kind):
    xarray = pytest.importorskip("xarray", minversion="2024.10")
    if kind == "zarr":
        pytest.importorskip("zarr", minversion="3", reason="xarray writes to zarr 3, which pyxem 0.21 cannot stand beside")
    else:
        pytest.importorskip("h5netcdf")
    tree, path = result.to_xarray(), tmp_path / "run"
    tree.to_netcdf(path, engine="h5netcdf") if kind == "netcdf" else tree.to_zarr(path, consolidated=False)
    engine = {"engine": "h5netcdf"} if kind == "netcdf" else {"engine": "zarr", "consolidated": False}
    with xarray.open_datatree(path, **engine) as read:
        assert np.array_equal(read["maps"], result.maps)
        assert np.array_equal(read["patterns"], result.patterns, equal_nan=True)
        assert read["scan_row"].attrs["units"] == "nm" and read["scan_row"].values[1] == 2.0
        assert read["detector_row"].attrs["units"] == "1/Å" and read["detector_row"].values[9:11].sum() == pytest.approx(0)
        assert read["explained"].values == pytest.approx(result.explained) and read["name"].values.tolist()[0] == "matrix"
        assert json.loads(read.attrs["settings"])["random_state"] == 0 and read.attrs["method"] == "nmf"


def test_several_scans_are_branches(film):
    pytest.importorskip("xarray", minversion="2024.10")
    together = Unmix([film.data, film.data[:5, :6]]).nmf(3, random_state=0)
    tree = together.to_xarray()
    assert tree["patterns"].shape == (3, 20, 24) and "maps" not in tree.data_vars
    for i, one in enumerate(together.scans):
        assert np.array_equal(tree[f"scan_{i}/maps"], one.maps, equal_nan=True)


def test_images_of_several_scans(film, tmp_path):
    pytest.importorskip("tifffile")
    together = Unmix([film.data, film.data[:5, :6]]).svd(2)
    assert names(together.save_images(tmp_path)) == ["maps_0.tif", "maps_1.tif", "patterns.tif"]
    assert together.save_images(tmp_path, format="png")[2].endswith("map_1_0.png")


def test_what_is_missing_is_said_in_a_sentence(result, monkeypatch, tmp_path):
    for name in ("xarray", "tifffile"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="to_xarray needs xarray .* pip install xarray"):
        result.to_xarray()
    with pytest.raises(ImportError, match="need tifffile.* pip install tifffile"):
        result.save_images(tmp_path)


def test_every_table_is_a_file(result, tmp_path):
    result.to_csv(tmp_path / "table.csv")
    with open(tmp_path / "table.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["matrix", "1", "2"]
    assert [float(row["explained"]) for row in rows] == result.explained.tolist()
    similarity = result.pattern_similarity()
    similarity.to_csv(tmp_path / "similarity.csv")
    lines = (tmp_path / "similarity.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(similarity.table["component"])


@pytest.mark.parametrize("method", ["nmf", "svd", "ica"])
def test_hyperspy_goes_on_from_a_result(film, method, pyxem):
    signal = film.to_pyxem()
    result = getattr(signal.unmix, method)(3, **({} if method == "svd" else {"random_state": 0}))
    copy = result.attach(signal)
    assert signal.learning_results.factors is None and np.shares_memory(copy.data, signal.data)
    assert np.array_equal(copy.get_decomposition_factors().data, result.patterns)
    assert np.array_equal(copy.get_decomposition_loadings().data, result.maps)
    assert np.allclose(copy.get_decomposition_model().data[2, 3], result.reconstruct(2, 3), atol=1e-4)
    copy.blind_source_separation(number_of_components=3, algorithm="orthomax", print_info=False)
    assert copy.get_bss_factors().data.shape == (3, 20, 24)
    # The separation turns the components: the model stays.
    assert np.allclose(copy.get_bss_model().data, copy.get_decomposition_model().data, atol=1e-3)
    assert copy.learning_results.decomposition_algorithm == f"unmix4d {method}"


@pytest.mark.slow
def test_hyperspy_plots_and_saves_it(film, pyxem, tmp_path):
    import hyperspy.api as hs
    import matplotlib.pyplot as plt

    signal = film.to_pyxem()
    copy = signal.unmix.nmf(3, random_state=0).attach(signal)
    copy.plot_decomposition_results()
    plt.close("all")
    copy.save(tmp_path / "scan.hspy")
    assert np.array_equal(hs.load(tmp_path / "scan.hspy").learning_results.factors, copy.learning_results.factors)


def test_hyperspy_knows_what_was_excluded(film, pyxem):
    signal, mask = film.to_pyxem(), np.zeros((20, 24), bool)
    mask[2, 5:] = True
    positions = np.zeros((8, 9), bool)
    positions[3, 4] = True
    result = signal.unmix.prepare(detector_mask=mask, scan_mask=positions).nmf(3, random_state=0)
    learned = result.attach(signal).learning_results
    assert np.array_equal(learned.signal_mask, mask) and np.array_equal(learned.navigation_mask, positions)
    assert np.array_equal(np.isnan(learned.factors).any(1), mask.ravel())
    assert np.array_equal(np.isnan(learned.loadings).any(1), positions.ravel())


def test_hyperspy_of_tomorrow_calls_loadings_scores(film, pyxem, monkeypatch):
    """As announced for HyperSpy 3: https://github.com/hyperspy/hyperspy/pull/3669."""
    signal = film.to_pyxem()
    for name in ("components", "scores"):
        monkeypatch.setattr(type(signal.learning_results), name, None, raising=False)
    learned = signal.unmix.svd(2).attach(signal).learning_results
    assert learned.scores.shape == (72, 2) and learned.components.shape == (480, 2)
    assert learned.loadings is None and learned.factors is None


def test_what_cannot_be_attached_to_a_signal(film, pyxem):
    signal = film.to_pyxem()
    with pytest.raises(ValueError, match="no place for the mean pattern that pca"):
        signal.unmix.pca(2).attach(signal)
    with pytest.raises(ValueError, match=r"the detector shape \(10, 12\), but the signal \(20, 24\)"):
        signal.unmix.prepare(bin=2).svd(2).attach(signal)
    other = film.to_pyxem()
    other.data = other.data[::-1].copy()
    with pytest.raises(ChangedData, match="the signal is not the scan"):
        signal.unmix.svd(2).attach(other)
    result, signal.learning_results = signal.unmix.svd(2), None
    with pytest.raises(ValueError, match="keeps no learning_results"):
        result.attach(signal)

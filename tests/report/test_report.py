"""The report: one page that holds all it shows, says why something is missing, and cannot be made to run anything."""

import base64
import os
import re
import shutil
import stat
import subprocess
import warnings
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

import unmix4d
from unmix4d import Unmix, UnmixWarning, phantoms
from unmix4d.report import sections as report_sections
from unmix4d.report.page import citation, escape, table
from unmix4d.report.sections import NAMES

WORDS = ["summary", "settings", "citation"]  # sections without a figure, which are fast
ATTACK = "<script>document.title='run'</script>\"' onload=x \x00\ud800 & <img src=http://evil.example/x>"
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What a page holds, after checking that its tags match."""

    def __init__(self, path):
        super().__init__()
        self.open, self.tags, self.links, self.images, self.text, self.ids = [], [], [], [], "", []
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        assert not any(name.startswith("on") for name in attrs)
        self.links += [attrs[name] for name in ("href", "src", "srcset", "action", "data") if name in attrs and tag != "img"]
        if tag == "img":
            assert attrs["alt"]
            self.images.append(attrs["src"])
        if tag == "section":
            self.ids.append(attrs["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data

    def check_offline(self):
        """Nothing is fetched: images are inside, and links lead within the page or to a DOI."""
        for source in self.images:
            assert source.startswith("data:image/png;base64,")
            assert base64.b64decode(source.split(",")[1], validate=True).startswith(b"\x89PNG")
        for link in self.links:
            assert link.startswith(("#", "https://doi.org/10.")), link
        assert not {"script", "link", "iframe", "object", "form", "base"} & set(self.tags)


@pytest.fixture(scope="module")
def film():
    return phantoms.polycrystal(n_grains=3, scan_shape=(16, 14), detector_shape=(40, 38), overlap=0.4, dose=4e3, seed=1)


@pytest.fixture(scope="module")
def view(film):
    return Unmix(
        film.data, centre=film.centre, pixel_size=film.pixel_size, pixel_unit="1/Å", step=film.step, step_unit="nm"
    ).prepare(direct_beam=3)


@pytest.fixture(scope="module")
def result(view):
    return view.nmf(4, n_starts=2, smooth=0, random_state=0)


def section(path, name):
    """Text of one section of a page."""
    html = re.search(rf'<section id="{name}">(.*?)</section>', path.read_text(encoding="utf-8"), flags=re.S)[1]
    return re.sub(r"<[^>]+>", " ", re.sub(r'src="[^"]*"', "", html))


@pytest.fixture(scope="module")
def whole(tmp_path_factory, view, result):
    """A page with everything on it."""
    path = tmp_path_factory.mktemp("report") / "scan.html"
    choice = view.choose_k([3, 4], n_starts=2, fraction=None, random_state=0)
    assert result.report(path, choice=choice) == path
    return path, choice


def test_everything_is_on_one_page(whole, result):
    path, choice = whole
    page = Page(path)
    page.check_offline()
    assert page.ids == [name for name in NAMES if name not in ("orientations", "scans")]
    assert "Left out" not in page.text and len(page.images) >= 10
    assert f"Recommended: {choice.recommended} components" in page.text
    assert all(reason in page.text for reason in choice.reasons)
    summary = section(path, "summary")
    for told in ("NMF, 4 components", "16 x 14", "40 x 38", "direct_beam = 3 px", f"{result.loss:.6g}", "nm per step"):
        assert told in summary, told
    assert unmix4d.__version__ in page.text and result.settings["versions"]["numpy"] in section(path, "settings")


def test_tables_hold_the_numbers_of_the_result(whole, result):
    path, _ = whole
    grains = result.grains()
    assert f"{len(grains)} grains" in section(path, "grains") and "area (nm²)" in section(path, "grains")
    for area in grains.table["area"]:
        assert f"{area:.0f}" in section(path, "grains")
    areas = result.overlap().areas["area"]
    assert all(f"{area:.0f}" in section(path, "overlap") for area in areas)
    quality = result.report_quality().table
    assert all(f"{value:.4g}" in section(path, "quality") for value in quality["psnr"] if np.isfinite(value))
    shares = [f"{100 * share:.4g}" for share in result.explained]
    assert all(share in section(path, "components") for share in shares)
    assert "doi:10.1186/s40679-019-0063-3" in section(path, "citation")


def test_what_is_given_is_shown_instead_of_defaults(result, tmp_path):
    grains, groups = result.grains(min_size=30, threshold="otsu"), result.group_rotated(2)
    result.report(tmp_path / "r.html", grains=grains, groups=groups, sections=["groups", "grains"], title="Mine")
    page = Page(tmp_path / "r.html")
    assert page.ids == ["groups", "grains"] and page.text.lstrip().startswith("Mine")
    assert "threshold otsu, at least 30 positions)" in page.text
    assert "2 groups of 4 components" in page.text and "default" not in page.text


@pytest.mark.slow
def test_the_same_result_gives_the_same_page(result, tmp_path):
    pages = []
    for name in ("a.html", "b.html"):
        result.report(tmp_path / name, sections=["summary", "fit", "settings"])
        pages.append(re.sub(r"on \d{4}-.*?</p>", "", (tmp_path / name).read_text(encoding="utf-8")))
    assert pages[0] == pages[1]


def test_hostile_texts_stay_texts(result, tmp_path):
    """A title of a scan, a setting and a preparation come from files that anybody may have written."""
    host = replace(result.host, name=ATTACK)
    settings = {**result.settings, ATTACK: ATTACK, "view": {**result.settings["view"], "preparation": [{ATTACK: ATTACK}]}}
    bad = replace(result, host=host, settings=settings)
    bad.report(tmp_path / "bad.html", sections=WORDS)
    page = Page(tmp_path / "bad.html")
    page.check_offline()
    assert "<script>document.title='run'</script>" in page.text  # as a text, to be read
    bad.report(tmp_path / "named <script>x & 'q'.html", sections=WORDS, title=ATTACK)
    Page(tmp_path / "named <script>x & 'q'.html").check_offline()


def test_a_citation_links_to_its_doi_alone():
    made = citation('<b>A</b>, doi:10.1000/x"y<z>(1) http://evil.example (why), doi:10.1017/S1431927622012259 (merging)')
    assert "<b>" not in made and 'href="http://evil' not in made
    assert re.findall(r'href="([^"]*)"', made)[-1] == "https://doi.org/10.1017/S1431927622012259"
    assert escape("\"<&>'") == "&quot;&lt;&amp;&gt;&#x27;"


def test_tables_of_odd_values():
    made = table({"<n>": [1, np.nan], "text": ["<i>", "b"], "flag": [np.True_, False], "none": [None, np.float32(0.123456)]})
    assert "<i>" not in made and "&lt;n&gt;" in made
    assert made.count("–") == 2 and "yes" in made and "0.1235" in made


def test_a_loaded_result_says_what_it_cannot_show(result, view, tmp_path):
    result.save(tmp_path / "r.h5")
    shown = ["summary", "number", "fit", "overlap", "grains", "quality"]
    unmix4d.load(tmp_path / "r.h5").report(tmp_path / "r.html", sections=shown)
    path = tmp_path / "r.html"
    assert "not linked" in section(path, "summary")
    assert "Left out: the scree needs the scan" in section(path, "number")
    assert "load it with unmix4d.load(path, data=scan)" in section(path, "quality")
    assert "similarity" not in section(path, "quality") and "Cross-correlation of all pairs" in section(path, "quality")
    for name in ("fit", "overlap", "grains"):
        assert "eft out" not in section(path, name), name
    unmix4d.load(tmp_path / "r.h5", data=view).report(path, sections=["quality"])
    assert "eft out" not in section(path, "quality")


def test_signed_components_have_no_grains(view, tmp_path):
    view.pca(3).report(tmp_path / "r.html", sections=["summary", "overlap", "grains", "groups", "fit"])
    for name in ("overlap", "grains", "groups"):
        assert re.search("Left out: .*(negative|both) .*use nmf", section(tmp_path / "r.html", name)), name
    assert "PCA, 3 components" in section(tmp_path / "r.html", "summary")
    assert Page(tmp_path / "r.html").images


@pytest.mark.slow
def test_clusters_features_and_merged_components(view, tmp_path):
    path = tmp_path / "r.html"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnmixWarning)  # few pure positions
        clusters = view.fuzzy_cmeans(3, n_starts=2, random_state=0)
    clusters.report(path, sections=["summary", "components"])
    assert "fuzzy c-means, 3 clusters" in section(path, "summary")
    assert "pure positions (%)" in section(path, "components") and "first two loadings" in section(path, "components")
    features = view.angular_average(rings=[(4, 9), (9, 16)])
    features.nmf(3, random_state=0).report(path, sections=["summary", "fit"])
    assert "angular average" in section(path, "summary") and "of the features" in section(path, "summary")
    assert "eft out" not in section(path, "fit")
    merged = features.merge_nmf(8, n_runs=3, threshold=0.3, random_state=0)
    assert merged.history
    merged.report(path, sections=["components", "number"])
    assert "share of the runs (%)" in section(path, "components") and "became one component" in section(path, "components")
    assert "eft out" not in section(path, "number")
    merged.consensus().report(path, sections=["components"])
    assert "became one component" not in section(path, "components")


def test_one_component_and_a_line_scan(tmp_path):
    line = phantoms.random_scan(shape=(1, 20, 12, 14), k=2, seed=0)
    Unmix(line.data, centre=(5, 6)).nmf(1, random_state=0).report(
        tmp_path / "r.html", sections=["summary", "components", "fit", "overlap", "quality"]
    )
    page = Page(tmp_path / "r.html")
    assert "NMF, 1 component" in page.text and "Left out:" in section(tmp_path / "r.html", "overlap")


def test_warnings_become_notes_of_their_section(film, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnmixWarning)
        result = Unmix(film.data).nmf(2, random_state=0)
    result.report(tmp_path / "r.html", sections=["summary", "groups"])
    assert "the middle of the detector" in section(tmp_path / "r.html", "summary")
    assert "Note: group_rotated needs the centre" in section(tmp_path / "r.html", "groups")


def test_an_error_of_one_section_leaves_the_others(result, tmp_path, monkeypatch):
    def broken(_):
        raise ZeroDivisionError("<odd>")

    monkeypatch.setitem(report_sections.SECTIONS, "fit", report_sections.Section("Broken", broken))
    with pytest.warns(UnmixWarning, match="the section 'fit' of the report could not be made: ZeroDivisionError"):
        result.report(tmp_path / "r.html", sections=["fit", "summary"])
    page = Page(tmp_path / "r.html")
    assert "ZeroDivisionError: <odd>" in page.text and "NMF, 4 components" in page.text


@pytest.mark.slow
def test_figures_and_style_of_the_reader_are_left_alone(result, tmp_path):
    import matplotlib
    import matplotlib.pyplot as plt

    mine = plt.figure()
    with plt.style.context("dark_background"):
        before = dict(matplotlib.rcParams)
        result.report(tmp_path / "r.html", sections=["fit", "components"])
        assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == [mine.number]


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"sections": ["all"]}, ValueError, "sections must be one of 'summary'"),
        ({"sections": []}, ValueError, "sections must name at least one"),
        ({"sections": 3}, TypeError, "sections must be a list of names, got 3"),
        ({"choice": 4}, TypeError, "choice must be KChoice, which .choose_k() returns, got int"),
        ({"grains": "yen"}, TypeError, "grains must be Grains, which .grains() returns, got str"),
        ({"orientations": 1}, TypeError, "orientations must be Orientations, which .index(simulation) returns, got int"),
    ],
)
def test_wrong_arguments(result, tmp_path, arguments, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        result.report(tmp_path / "r.html", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_grains_of_another_scan_are_refused(result, tmp_path):
    small = phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0)
    other = Unmix(small.data).nmf(2, random_state=0).grains(background="keep")
    with pytest.raises(ValueError, match=r"grains must be of the scan of this result, \(16, 14\), got \(6, 8\)"):
        result.report(tmp_path / "r.html", grains=other)


def test_what_cannot_be_written_is_said_before_anything_is_made(result, tmp_path, monkeypatch):
    def never(_):
        raise AssertionError("made")

    for name in NAMES:
        monkeypatch.setitem(report_sections.SECTIONS, name, report_sections.Section(name, never))
    with pytest.raises(OSError, match="cannot be saved to .*No such file or directory"):
        result.report(tmp_path / "nowhere" / "r.html")
    with pytest.raises(OSError, match="path must name a file, but .* is a folder"):
        result.report(tmp_path)
    with pytest.raises(TypeError, match="path must be the name of a file, got 3"):
        result.report(3.0)


def test_an_older_page_survives_a_failure(result, tmp_path, monkeypatch):
    path = tmp_path / "r.html"
    path.write_text("older")

    def stop(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setitem(report_sections.SECTIONS, "fit", report_sections.Section("fit", stop))
        with pytest.raises(KeyboardInterrupt):
            result.report(path, sections=["summary", "fit"])
    assert path.read_text() == "older" and os.listdir(tmp_path) == ["r.html"]
    result.report(path, sections=["summary"])
    assert os.listdir(tmp_path) == ["r.html"] and path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A function that runs a headless browser; its absence is a failure where UNMIX4D_BROWSER_REQUIRED says so."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        if os.environ.get("UNMIX4D_BROWSER_REQUIRED") == "1":
            pytest.fail("no browser is installed, but UNMIX4D_BROWSER_REQUIRED is 1")
        pytest.skip("no chromium is installed to open the report with")
    profile = tmp_path_factory.mktemp("browser")

    def run(*arguments):
        command = [found, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"]
        done = subprocess.run([*command, *arguments], capture_output=True, timeout=120, check=True)
        return done.stdout.decode("utf-8")

    return run


def test_a_browser_shows_it(whole, browser, tmp_path):
    """At 1200 pixels: black text on white, and figures in colour; not an empty or a broken page."""
    from matplotlib.image import imread

    browser(f"--screenshot={tmp_path / 'page.png'}", "--window-size=1200,5000", whole[0].as_uri())
    image = imread(tmp_path / "page.png")[..., :3]
    assert image.shape[:2] == (5000, 1200)
    dark, coloured = image.max(axis=2) < 0.35, np.ptp(image, axis=2) > 0.3
    assert 0.005 < dark.mean() < 0.3 and coloured.mean() > 0.03
    # The title and the summary are words: no figure is there yet.
    assert dark[:120].any() and not coloured[:100].any()
    assert (image[:, :20] == 1).all() and (image[:, -20:] == 1).all()  # nothing runs over the margins


def test_a_browser_runs_nothing_of_it(result, browser, tmp_path):
    bad = replace(result, host=replace(result.host, name=ATTACK))
    bad.report(tmp_path / "bad.html", sections=WORDS)
    page = tmp_path / "dom.html"
    page.write_text(browser("--dump-dom", (tmp_path / "bad.html").as_uri()), encoding="utf-8")
    seen = page.read_text(encoding="utf-8")
    assert "<script" not in seen and "<title>run</title>" not in seen
    assert "&lt;script&gt;" in seen and 'id="citation"' in seen

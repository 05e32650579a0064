"""The site: `sphinx-build -W --keep-going -b html docs docs/_build/html`, with the extra `docs` and both hosts installed."""

import hashlib
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

import members  # noqa: E402
import pages_from_outside  # noqa: E402
import sphinx.ext.autosummary as summaries  # noqa: E402

import unmix4d  # noqa: E402

project = "unmix4d"
author = "The unmix4d developers"
copyright = "the unmix4d developers, GPL-3.0-or-later"
version = release = unmix4d.__version__

# Tutorials and benchmark tables lie outside of docs/, where people look for them in the repository.
pages_from_outside.copy(HERE.parent, HERE)

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx.ext.viewcode",
    "sphinxcontrib.bibtex",
    "sphinx_copybutton",
    "pages_from_outside",
    "images_counted",
]
exclude_patterns = ["_build", "_ext", "_templates", "**/.ipynb_checkpoints"]
templates_path = ["_templates"]
bibtex_bibfiles = ["references.bib"]

# Tutorials: run once, kept until their code or the package changes. Kernels see what this process sees (PYTHONPATH, the environment).
nb_execution_mode = os.environ.get("UNMIX4D_TUTORIALS", "cache")  # "off" for a quick look at everything else
package = sorted(Path(unmix4d.__file__).parent.rglob("*.py"))
package = hashlib.sha256(b"".join(file.read_bytes() for file in package)).hexdigest()[:16]
nb_execution_cache_path = str(HERE / "_build" / "notebooks" / package)
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_in_temp = True
nb_execution_excludepatterns = ["benchmarks/**"]
nb_merge_streams = True
# The hosts' own imports warn about their own dependencies.
UNSAID = ("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:`_get_block_pattern`", "ignore:IProgress")
os.environ.setdefault("PYTHONWARNINGS", ",".join(UNSAID))
os.environ.pop("MPLBACKEND", None)  # of the shell; figures of a notebook are drawn inline
os.environ["TQDM_DISABLE"] = "1"  # a progress bar that has ended says nothing on a page
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]
suppress_warnings = ["config.cache", "myst-nb.lexer"]

# A text in single backticks in a docstring is a name of this package where there is such a name, and code elsewhere.
default_role = "autolink"
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_context = {
    "properties_of": members.properties_of,
    "pages_of_methods": lambda fullname: members.pages_of_methods(fullname, members.listed(HERE)),
}
# A sentence does not end there, and neither does its summary in a table.
summaries.WELL_KNOWN_ABBREVIATIONS += ("Fig.", "Figs.", "eq.", "eqs.")
autodoc_typehints = "none"
numpydoc_show_class_members = False

copybutton_exclude = ".linenos, .gp, .go"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = f"unmix4d {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "unmix4d"},
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 7,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "navbar_align": "left",
    "show_nav_level": 2,
}
html_sidebars = {"index": [], "changelog": []}

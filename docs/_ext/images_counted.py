"""Every cell that draws shows what it draws: a warning, which ends the build, where a figure is missing or there twice.

A plotting method is told by its name (`plot`, `plot_sizes`, `composite`, `plots.pattern`); one that is given `ax=` draws
into a figure that is there. Without execution (`UNMIX4D_TUTORIALS=off`) nothing is counted.
"""

import ast

from sphinx.util import logging

import unmix4d.plots

DRAWS = {"composite", *unmix4d.plots.__all__} - {"intensity_norm", "scale_bar"}
logger = logging.getLogger(__name__)


def drawn(code: str) -> int:
    """How many figures a cell makes: one for each statement that plots; loops and functions are not looked into."""
    lines = [line for line in ast.parse(code).body if isinstance(line, ast.Expr | ast.Assign)]
    return sum(any(_plots(call) for call in ast.walk(line)) for line in lines)


def _plots(node) -> bool:
    if not isinstance(node, ast.Call) or any(word.arg == "ax" for word in node.keywords):
        return False
    name = getattr(node.func, "attr", "")
    return name.startswith("plot") or (name in DRAWS and not (name == "scree" and not _of_plots(node.func)))


def _of_plots(function) -> bool:
    """Of the module of figures: `u.scree()` is an answer, `plots.scree()` a figure."""
    return getattr(function.value, "id", getattr(function.value, "attr", "")) == "plots"


def shown(cell) -> int:
    """How many images stand below a cell."""
    outputs = cell.findall(lambda node: getattr(node, "attributes", {}).get("nb_element") == "mime_bundle")
    return sum(any(str(kind.get("mime_type", "")).startswith("image/") for kind in bundle.children) for bundle in outputs)


def _count(app, doctree):
    if app.config.nb_execution_mode == "off":
        return
    for cell in doctree.findall(lambda node: getattr(node, "attributes", {}).get("nb_element") == "cell_code"):
        code = next(iter(cell.findall(lambda node: node.tagname == "literal_block"))).astext()
        if (wanted := drawn(code)) and (found := shown(cell)) != wanted:
            logger.warning("a cell shows %d images and draws %d figures:\n%s", found, wanted, code, location=cell)


def setup(app):
    app.connect("doctree-read", _count)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

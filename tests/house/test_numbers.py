"""The list of the numbers of the guide: what counts as measured, and a draw that other words do not change."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "house" / "numbers.py"


@pytest.fixture(scope="module")
def numbers():
    spec = importlib.util.spec_from_file_location("numbers_of_the_guide", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGE = """# Page

Maps have a correlation of 0.93 with the truth, instead of 0.88 (`benchmarks/series/run.py`). It needs Python 3.10 or newer.
Grains are counted above 0.7. Pixels are of 0.032 1/Å each. See doi 10.1016/j.x.2018. It is in [a table](x.md):

| a | 0.5 |

```python
x = 0.25
```

A run takes 3 times as long.
"""


def test_what_counts_as_a_measured_number(numbers, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    found = list(numbers.sentences(page))
    assert [one[1] for one in found] == ["0.93 0.88", "3"]
    assert found[0][2] == "benchmarks/series/run.py"
    page.write_text("Made by `python benchmarks/x.py`.\n\n" + PAGE, encoding="utf-8")
    assert list(numbers.sentences(page)) == []


def test_the_draw_is_a_third_and_of_the_numbers_alone(numbers):
    drawn = [numbers.is_drawn(f"{0.001 * i:.3f}") for i in range(3000)]
    assert 0.3 < sum(drawn) / 3000 < 0.37
    assert drawn[:5] == [numbers.is_drawn(f"{0.001 * i:.3f}") for i in range(5)]


def test_a_row_is_kept_when_the_words_change(numbers, tmp_path, monkeypatch):
    table = tmp_path / "numbers.md"
    row = "| docs/a.md | Old words 0.93 and 0.88 | 0.93 0.88 | `command` | yes | 0.93, 0.88: holds |"
    table.write_text(f"{numbers.HEAD}{row}\n| docs/b.md | Other | 0.5 | | | x |\n", encoding="utf-8")
    monkeypatch.setattr(numbers, "TABLE", table)
    said = numbers.known()
    assert said["0.93 0.88"] == said["Old words 0.93 and 0.88"] == ("`command`", "0.93, 0.88: holds")

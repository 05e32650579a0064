"""Every answer says what it said: its numbers, tables and words, its file, and what is refused."""

import pytest

from support.kept import cases_of, differences


@pytest.mark.parametrize("name", cases_of("answers"))
def test_an_answer_is_what_it_was(name):
    assert not differences("answers", name)

"""Text that files can hold."""

from __future__ import annotations

__all__ = ["writable"]


def writable(text: str) -> str:
    """The text with U+FFFD for halves of characters (lone surrogates), for which UTF-8 has no form.

    Names of files and old metadata may hold such halves. Two that belong together become the character that they are.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

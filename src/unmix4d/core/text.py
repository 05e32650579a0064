"""Text that files can hold."""

from __future__ import annotations

__all__ = ["writable"]


def writable(text: str) -> str:
    """The text with U+FFFD for halves of characters (lone surrogates), for which UTF-8 has no form.

    Names of files and old metadata may hold such halves. Two that belong together become the character that they are.

    Examples
    --------
    >>> from unmix4d.core.text import writable
    >>> ascii(writable("a" + chr(0xD800) + "b")), ascii(writable(chr(0xD83D) + chr(0xDE00)))
    ("'a\\\\ufffdb'", "'\\\\U0001f600'")
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

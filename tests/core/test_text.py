"""Text that files can hold."""

from unmix4d.core.text import writable


def test_halves_of_characters_are_replaced_and_pairs_joined():
    assert writable("a\ud800b") == "a\ufffdb" and writable("\udc00\ud800") == "\ufffd\ufffd"
    assert writable("\ud83d\ude00") == "\U0001f600" and writable("Å ☃ \U0001f600\0") == "Å ☃ \U0001f600\0"
    writable("".join(map(chr, range(0xD700, 0xE100)))).encode("utf-8")

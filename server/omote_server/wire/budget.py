"""How large a message is beside its picture, told from its outermost fields alone."""

from __future__ import annotations

_LONGEST_VARINT = 10


def bytes_beside(data: bytes, picture: int, most: int) -> int:
    """Bytes outside of the content of the field numbered `picture`; no further than past `most`.

    Raises:
        ValueError: it is no protobuf message, as far as was looked.
    """
    place = beside = 0
    while place < len(data) and beside <= most:
        began = place
        tag, place = _varint(data, place)
        content = place
        match tag & 7:
            case 0:  # a varint
                _, place = _varint(data, place)
            case 1:  # eight bytes
                place += 8
            case 2:  # a length, then so many bytes
                length, content = _varint(data, place)
                place = content + length
            case 5:  # four bytes
                place += 4
            case _:
                raise ValueError("groups are not used here")
        if place > len(data):
            raise ValueError("a field ends past the message")
        beside += (content if tag == picture << 3 | 2 else place) - began
    return beside


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number and the place behind it."""
    value = 0
    for shift, byte in enumerate(data[place : place + _LONGEST_VARINT]):
        value |= (byte & 127) << 7 * shift
        if byte < 128:
            return value, place + shift + 1
    raise ValueError("a number does not end")

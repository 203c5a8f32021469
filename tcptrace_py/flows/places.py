"""Which place a key has: the textbook's own dictionary, from keys of both directions to 2 * row + side.

Here it is a dict, the quickest that an interpreter has; `places.pxd` has the same functions inline in C, for whom it is compiled
with, over `table`: open addressing with linear probing, 4 bytes an entry, whose keys are looked up in `keys`. Most often the
very object is there, since the decoder hands out one object for equal keys. A place is never 0; there is always a free entry.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from array import array

Places = dict[bytes, int]
NONE = 0  # no place, and no row


def find(places: Places, table: "array[int]", keys: list[bytes], key: bytes) -> int:  # noqa: ARG001 - for the compiled form
    """Place of a key; 0: it has none."""
    return places.get(key, 0)


def enter(places: Places, table: "array[int]", keys: list[bytes], key: bytes, place: int) -> None:  # noqa: ARG001
    """Give a key, which has none, a place: it stands there in `keys` from now on."""
    keys[place] = key
    places[key] = place


def leave(places: Places, table: "array[int]", keys: list[bytes], place: int) -> None:  # noqa: ARG001
    """Take the key at a place out; it still stands in `keys`."""
    del places[keys[place]]

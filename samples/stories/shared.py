"""Beginnings and expectations that stories of several themes share."""

from typing import Literal

from samples.stories.expect import shake, tear
from samples.writer.talk import Talk, Wire

DONE = shake("three-way", "completed", total=20.0)
FOUR_WAY = tear("four-way", "client", segments=4)


def served(wire: Wire, **settings: object) -> Talk:
    """A connection that has been opened and has carried a request and its answer: frames 1 to 7."""
    talk = wire.talk(**settings)
    talk.open()
    talk.exchange()
    return talk


def closed(wire: Wire, first: Literal["client", "server"] = "client", **settings: object) -> Talk:
    """A whole short connection of eleven frames, closed by `first` in four segments."""
    talk = served(wire, **settings)
    talk.close(first)
    return talk

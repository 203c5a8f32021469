"""Beginnings and expectations that stories of several themes share."""

from typing import Literal

from samples.stories.expect import connection, shake, side, stay, tear
from samples.stories.paths import CLIENT_FIRST, SERVER_SECOND
from tests.writer.talk import Talk, Wire

DONE = shake("three-way", "completed", total=20.0)
FOUR_WAY = tear("four-way", "client", segments=4)
ONCE = connection(
    DONE,
    FOUR_WAY,
    client=side(CLIENT_FIRST, packets=6, payload_bytes=90, retransmissions=0, fin_retransmissions=0),
    server=side(SERVER_SECOND, packets=5, payload_bytes=300, retransmissions=0, fin_retransmissions=0),
    time_wait=[stay("client", basis="observed")],
)


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

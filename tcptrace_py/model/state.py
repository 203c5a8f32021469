"""The eleven states of RFC 9293 section 3.3.2, and how firmly an observer knows that one was entered."""

from enum import IntEnum, StrEnum


class State(IntEnum):
    """A side's state. CLOSED is the absence of a connection."""

    CLOSED = 0
    LISTEN = 1
    SYN_SENT = 2
    SYN_RECEIVED = 3
    ESTABLISHED = 4
    FIN_WAIT_1 = 5
    FIN_WAIT_2 = 6
    CLOSE_WAIT = 7
    CLOSING = 8
    LAST_ACK = 9
    TIME_WAIT = 10


class Basis(StrEnum):
    """What a transition rests on; `outputs.phrases.BASES` says what each means."""

    OBSERVED = "observed"
    ASSUMED = "assumed"
    INFERRED = "inferred"
    CLOCK = "clock"

"""The columns of connections in trouble (`troubled`), by their numbers: apart, so that `troubled` has them as C numbers."""

from array import array

from tcptrace_py.facts import block as of

# The first ones are those of the tables of facts, in this order.
COPIED_WIDE = array(
    "q", [of.START, of.END, of.FIRST_FRAME, of.HANDSHAKE, of.CLIENT_PACKETS, of.CLIENT_BYTES, of.SERVER_PACKETS, of.SERVER_BYTES]
)
START, END, FIRST_FRAME, HANDSHAKE, CLIENT_PACKETS, CLIENT_BYTES, SERVER_PACKETS, SERVER_BYTES = range(8)
# Initial numbers and the numbers behind all that was sent, of both sides; the numbers of the first segment (MISSING: none); when
# and in which frame the reset came that ended it; when the client's FIN and the server's were sent first.
CLIENT_ISN, CLIENT_NEXT, SERVER_ISN, SERVER_NEXT, FIRST_SEQ, FIRST_ACK, RESET_AT, RESET_FRAME, CLIENT_FIN, SERVER_FIN = range(8, 18)
RESET_BEHIND = 18  # how long (ns) after the segment before it that reset came
# Then how time went by (facts.waits), in this order as well; of both sides the client's comes first.
WAITS_WIDE = array(
    "q",
    [
        of.SURVIVED,
        of.FINAL_IDLE,
        of.STALL,
        of.CLIENT_UNANSWERED_NS,
        of.SERVER_UNANSWERED_NS,
        of.CLIENT_CLOSED,
        of.SERVER_CLOSED,
        of.CLIENT_UNACKNOWLEDGED,
        of.SERVER_UNACKNOWLEDGED,
    ],
)
(
    SURVIVED,
    FINAL_IDLE,
    STALL,
    CLIENT_UNANSWERED_NS,
    SERVER_UNANSWERED_NS,
    CLIENT_CLOSED,
    SERVER_CLOSED,
    CLIENT_UNACKNOWLEDGED,
    SERVER_UNACKNOWLEDGED,
) = range(19, 28)
# When the client asked first, where the server never sent data and that segment was logged.
FIRST_ASKED = 28
WIDE_COLUMNS = 29
COPIED_NARROW = array("q", [of.STREAM, of.CLIENT_PORT, of.SYN_REPEATS, of.SYNACK_REPEATS, of.CLIENT_REPEATS, of.SERVER_REPEATS])
STREAM, CLIENT_PORT, SYN_REPEATS, SYNACK_REPEATS, CLIENT_REPEATS, SERVER_REPEATS = range(6)
ACCOUNT, RESET_TTL, USUAL_TTL = range(6, 9)  # number of the account in `names`; TTL of the reset and of its sender's segments
WAITS_NARROW = array(
    "q",
    [
        of.EXCHANGES,
        of.CLIENT_UNANSWERED,
        of.SERVER_UNANSWERED,
        of.CLIENT_LOST,
        of.SERVER_LOST,
        of.CLIENT_MISSING,
        of.SERVER_MISSING,
        of.CLIENT_LONG_CLOSES,
        of.SERVER_LONG_CLOSES,
    ],
)
(
    EXCHANGES,
    CLIENT_UNANSWERED,
    SERVER_UNANSWERED,
    CLIENT_LOST,
    SERVER_LOST,
    CLIENT_MISSING,
    SERVER_MISSING,
    CLIENT_LONG_CLOSES,
    SERVER_LONG_CLOSES,
) = range(9, 18)
CLIENT_SEEN, SERVER_SEEN = range(18, 20)  # payload of the largest segment that was captured, whether it arrived or not
NARROW_COLUMNS = 20
FIRST_WAITS_WIDE, FIRST_WAITS_NARROW = SURVIVED, EXCHANGES
COPIED_SMALL = array("q", [of.VANTAGE, of.MIDSTREAM, of.OUTCOME, of.PATTERN, of.FIRST_FIN])
VANTAGE, MIDSTREAM, OUTCOME, PATTERN, FIRST_FIN = range(5)
# Who sent the first segment (0: the client); the final states; of the reset that ended it (or, without one, of the first from
# between, else of the first): by, cause and confidence, as the tables of facts have them; whether its named sender went on.
# Whether the last new data was the client's.
FIRST_BY, CLIENT_STATE, SERVER_STATE, RESET_BY, RESET_CAUSE, RESET_CONFIDENCE, RESET_GOES_ON, CLIENT_TALKED_LAST = range(5, 13)
SMALL_COLUMNS = 13

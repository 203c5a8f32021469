"""Hypothesis strategies: segments of connections, from nearly right to anything at all."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from tcptrace_py.model.segments import OPT_DSACK, OPT_SACK, OPT_TIMESTAMPS
from tests.ladder import CLIENT, PORT, SECOND_NS, SERVER, SERVICE, START_NS, Seg, key_of, ladder

MS = 1_000_000
FLAGS = (
    0x10,
    0x10,
    0x10,
    0x18,
    0x11,
    0x11,
    0x02,
    0x02,
    0x12,
    0x12,
    0x14,
    0x04,
    0x04,
    0x01,
    0x00,
    0x03,
    0x06,
    0x15,
    0x13,
    0x3F,
)
STEPS_NS = (0, 100_000, MS, MS, 20 * MS, 20 * MS, SECOND_NS, 70 * SECOND_NS, 400 * SECOND_NS, 90_000 * SECOND_NS)
SLIPS = (0, 0, 0, 0, 0, 0, -1, 1, -5, 5, 1000, -1000, 100_000, -100_000, 2**31)

OPENINGS = (
    "0.00 C S\n0.02 S SA\n0.04 C A",
    "0.00 C S\n1.00 C S seq=0\n1.02 S SA\n1.04 C A",
    "0.00 C S\n0.02 S SA\n0.03 S SA seq=0\n0.04 C A",
    "0.00 C S\n0.01 S S\n0.02 C SA seq=0\n0.03 S SA seq=0",
    "0.00 C S\n0.02 S RA seq=-9000",
    "0.00 C S",
    "0.00 C A seq=1 ack=1",
    "0.00 S PA len=9",
    "",
)
MIDDLES = (
    "",
    "0.1 C PA len=10\n0.12 S A",
    "0.1 C PA len=10\n0.12 S PA len=20\n0.14 C A",
    "0.1 S PA len=7\n0.3 S PA seq=1 len=7\n0.32 C A",
    "0.1 C PA len=10\n0.12 S PA len=20\n0.14 C PA len=5\n0.5 S PA len=40\n0.52 C A",
    "0.1 C PA len=10\n0.3 C PA seq=1 len=10\n0.7 C PA seq=1 len=10\n0.72 S PA len=20\n0.74 C A",
    "0.1 C PA len=10\n0.12 S A win=0\n0.5 C A seq=10\n0.52 S A win=0\n0.9 S A\n0.91 C PA len=5\n0.92 S A",
)
CLOSES = (
    "1.00 C FA\n1.02 S A\n1.04 S FA\n1.06 C A",
    "1.00 C FA\n1.02 S FA\n1.04 C A",
    "1.00 S FA\n1.02 C A\n1.04 C FA\n1.06 S A",
    "1.00 C FA\n1.001 S FA ack=11\n1.02 C A\n1.021 S A",
    "1.00 C FA\n1.001 S FA\n1.3 S FA ack=12\n1.31 C A",
    "1.00 C FA\n1.02 S A",
    "1.00 C RA\n",
    "1.00 C FA\n1.02 S A\n1.04 S PA len=5\n1.06 C R seq=12",
    "1.00 C FA\n1.02 S A\n1.04 S FA\n1.06 C A\n3.00 C S isn=500000\n3.01 S SA isn=700000\n3.02 C A",
    "1.00 C FA\n1.02 S A\n1.04 S FA\n1.06 C A\n3.00 S R",
    "",
)


@st.composite
def tidy(draw: st.DrawFn) -> list[Seg]:
    """A connection as textbooks have it: opening, middle and close, each of some kind."""
    text = "\n".join(draw(st.sampled_from(part)) for part in (OPENINGS, MIDDLES, CLOSES))
    isns = draw(st.sampled_from(((1000, 9000), (2**32 - 1, 2**32 - 5), (2**31, 0))))
    return sorted(ladder(text, isns=isns), key=lambda s: s.time_ns) or ladder("0 C S")


@st.composite
def bruised(draw: st.DrawFn) -> list[Seg]:
    """A tidy connection of which segments were lost, sent again, copied, delayed or altered."""
    segments = draw(tidy())
    for _ in range(draw(st.integers(0, 4))):
        if not segments:
            break
        at = draw(st.integers(0, len(segments) - 1))
        what = draw(st.sampled_from(("lose", "again", "copy", "swap", "alter", "late")))
        segment = segments[at]
        if what == "lose":
            del segments[at]
        elif what == "again":
            again = replace(segment, time_ns=segment.time_ns + draw(st.sampled_from(STEPS_NS)), ip_id=segment.ip_id + 1000)
            segments.append(again)
        elif what == "copy":
            segments.insert(at, segment)
        elif what == "swap" and at:
            earlier = segments[at - 1]
            segments[at - 1 : at + 1] = [
                replace(segment, time_ns=earlier.time_ns),
                replace(earlier, time_ns=segment.time_ns),
            ]
        elif what == "alter":
            segments[at] = replace(segment, flags=draw(st.sampled_from(FLAGS)))
        elif what == "late":
            step = draw(st.sampled_from(STEPS_NS))
            segments[at:] = [replace(later, time_ns=later.time_ns + step) for later in segments[at:]]
    segments.sort(key=lambda s: s.time_ns)
    return segments or ladder("0 C S")


@st.composite
def wild(draw: st.DrawFn, most: int = 14) -> list[Seg]:
    """Any segments of one four-tuple; their numbers are near enough to each other to mean something."""
    keys = key_of(CLIENT, PORT, SERVER, SERVICE), key_of(SERVER, SERVICE, CLIENT, PORT)
    if draw(st.integers(0, 9)) == 0:
        keys = (key_of(CLIENT, PORT, CLIENT, PORT),) * 2
    upcoming = list(draw(st.sampled_from(((1000, 9000), (2**32 - 2, 2**32 - 1)))))
    time_ns, found = START_NS, []
    stamps = draw(st.booleans())
    for number in range(draw(st.integers(1, most))):
        side = draw(st.integers(0, 1))
        time_ns += draw(st.sampled_from(STEPS_NS))
        flags = draw(st.sampled_from(FLAGS))
        seq = (upcoming[side] + draw(st.sampled_from(SLIPS))) % 2**32
        ack = (upcoming[1 - side] + draw(st.sampled_from(SLIPS))) % 2**32 if flags & 16 else 0
        payload = draw(st.sampled_from((0, 0, 0, 1, 10, 1000)))
        segment = Seg(
            keys[side],
            time_ns,
            flags,
            seq,
            ack,
            payload,
            draw(st.sampled_from((512, 512, 512, 0))),
            draw(st.sampled_from((number + 1, number + 1, 0, 1))),
            draw(st.sampled_from((60, 60, 60, 250))),
        )
        if stamps:
            segment = replace(
                segment,
                options=draw(st.sampled_from((0, OPT_TIMESTAMPS, OPT_TIMESTAMPS, OPT_TIMESTAMPS | OPT_SACK | OPT_DSACK))),
                tsval=draw(st.sampled_from((number, number, 5, 2**32 - 1))),
                tsecr=draw(st.sampled_from((number, 5, 0))),
            )
        found.append(segment)
        if (seq - upcoming[side]) % 2**32 < 2**20:
            upcoming[side] = (seq + payload + bool(flags & 2) + bool(flags & 1)) % 2**32
    return found


def moved(segments: list[Seg], *, client: str = CLIENT, server: str = SERVER, port: int = PORT, later_ns: int = 0) -> list[Seg]:
    """The same segments between other hosts and ports, at another time."""
    there, back = key_of(client, port, server, SERVICE), key_of(server, SERVICE, client, port)
    own, self_key = key_of(CLIENT, PORT, SERVER, SERVICE), key_of(CLIENT, PORT, CLIENT, PORT)
    names = {own: there, key_of(SERVER, SERVICE, CLIENT, PORT): back, self_key: key_of(client, port, client, port)}
    return [replace(segment, key=names[segment.key], time_ns=segment.time_ns + later_ns) for segment in segments]


@st.composite
def lossy(draw: st.DrawFn) -> list[Seg]:
    """Transfers over a path that loses, repeats, holds back and copies; their tuple may be used twice.

    What is sent again may be cut elsewhere, so that it overlaps with what came before; a side asks with a byte whether the other
    is still there, or has room again; the capture misses some segments that arrived.
    """
    found: list[Seg] = []
    for begin_s, isns in ((0, (1000, 2**32 - 30)), (100, (500_000, 700_000)))[: draw(st.integers(1, 2))]:
        line = draw(st.sampled_from(("", " win=0")))
        text = ["0 C S", "0.01 S SA", "0.02 C A"]
        sent = {"C": 1, "S": 1}
        for step in range(draw(st.integers(1, 8))):
            who = draw(st.sampled_from("CS"))
            size = draw(st.sampled_from((1, 10, 10, 100)))
            back = draw(st.sampled_from((0, 0, 0, 0, 1, 5, 10, 15)))
            at = max(sent[who] - back, 1)
            text += [f"{0.1 + step / 10:.2f} {who} PA seq={at} len={size}", f"{0.11 + step / 10:.2f} {'CS'[who == 'C']} A{line}"]
            sent[who] = max(sent[who], at + size)
            line = draw(st.sampled_from(("", "", "", " win=0")))
        first, second = draw(st.sampled_from((("C", "S"), ("S", "C"))))
        text += [f"1.00 {first} FA", f"1.01 {second} A", f"1.02 {second} FA", f"1.03 {first} A"]
        segments = [replace(s, time_ns=s.time_ns + begin_s * SECOND_NS) for s in ladder("\n".join(text), isns=isns)]
        found += damaged(draw, segments)
    return sorted(found, key=lambda s: s.time_ns) or ladder("0 C S")


def damaged(draw: st.DrawFn, segments: list[Seg]) -> list[Seg]:
    """The same segments, of which some were lost, sent again, copied, held back or asked anew."""
    found = list(segments)
    for segment in draw(st.lists(st.sampled_from(segments), max_size=6)):
        what = draw(st.sampled_from(("lose", "again", "again", "copy", "late", "hold", "ask", "shift")))
        later_ns = draw(st.sampled_from((0, 100_000, 20 * MS, 300 * MS)))
        if what == "lose" and segment in found:
            found.remove(segment)
        elif what == "again":
            found.append(replace(segment, time_ns=segment.time_ns + later_ns, ip_id=segment.ip_id + 1000))
        elif what == "copy":
            found.append(replace(segment, time_ns=segment.time_ns + later_ns % MS, interface=draw(st.integers(0, 1))))
        elif what == "late":
            found.append(replace(segment, time_ns=segment.time_ns + later_ns))
        elif what == "hold" and segment in found:
            found[found.index(segment)] = replace(segment, time_ns=segment.time_ns + later_ns)
        elif what == "ask":
            found.append(
                replace(
                    segment,
                    time_ns=segment.time_ns + later_ns,
                    flags=0x10,
                    seq=(segment.seq - 1) % 2**32,
                    payload=draw(st.integers(0, 1)),
                    ip_id=segment.ip_id + 2000,
                )
            )
        elif what == "shift":
            found.append(
                replace(
                    segment,
                    time_ns=segment.time_ns + later_ns,
                    ip_id=segment.ip_id + 3000,
                    seq=(segment.seq + draw(st.sampled_from((-7, -1, 1, 7, 2**31)))) % 2**32,
                )
            )
    return found


traffic = st.one_of(tidy(), bruised(), wild())

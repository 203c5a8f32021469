"""Every problem of a capture and every anomaly of a connection: what it means, and what to do about it.

docs/problems.md and `tcpstates help` are made from this. Texts are Markdown; links are relative to docs/.
"""

from typing import NamedTuple


class Explained(NamedTuple):
    """What a code means, and what to do about it."""

    meaning: str
    remedy: str


# Input that was cut or unreadable.
DAMAGE = {
    "cut-tail": Explained(
        "a file ends inside a record or block: a full disk, or a capture that was killed or is still being written",
        "nothing, if the end does not matter; else capture again and stop with Ctrl-C",
    ),
    "corrupt-record": Explained(
        "what should be a record of a pcap cannot be one; reading went on at the next place where records make sense, or stopped",
        "compare sizes or checksums with the original: a transfer in text mode does this",
    ),
    "corrupt-block": Explained(
        "what should be a block of a pcapng cannot be one; reading went on behind it where that was possible, or stopped",
        "compare sizes or checksums with the original: a transfer in text mode does this",
    ),
    "bad-timestamp": Explained(
        "a record's time is impossible: a fraction beyond its second, or a year before 1823 or beyond 2116",
        "the frame is analysed all the same; distrust durations around it",
    ),
    "unknown-interface": Explained(
        "a packet of a pcapng names an interface that no block describes; it is left out",
        "the program that wrote or merged the file is at fault",
    ),
    "compressed-data-damaged": Explained(
        "the compressed data breaks off or fails its check",
        "fetch the file again; what came out before is analysed",
    ),
    "read-error": Explained(
        "the operating system could not read on",
        "look at the disk or the pipe",
    ),
    "unreadable-file": Explained(
        "one of several inputs could not be read at all; the others were",
        "see its message",
    ),
    "internal-error": Explained(
        "a bug of tcpstates itself, met at one frame, connection, file or cause: that is left out,"
        " the rest is analysed. The exit code is 70",
        "please report it, with what `tcpstates --debug` prints",
    ),
    "unknown-link-type": Explained(
        "frames of a link type that is not known here; damage only where the capture holds no TCP besides them",
        "convert, capture on another interface, or [add it](contributing.md#a-link-type); [which are read](link-types.md)",
    ),
    "not-read": Explained(
        "the capture holds no TCP, and frames of it lie in an encapsulation that is not read here; the message names it",
        "take it off, or capture where it ends; what is encrypted stays so",
    ),
}


# Properties of the traffic, and of how it was captured.
PROPERTIES = {
    "not-a-capture": Explained(
        "a file in a folder is no capture and was skipped",
        "nothing",
    ),
    "text-before-capture": Explained(
        "lines of text stand before the capture in its file: what tcpdump says on standard error went there, too. What follows is read",
        "let standard error go elsewhere (`2>/dev/null`), and no terminal come between: `ssh -T`, `docker exec` and `kubectl exec` without "
        "`-t`; or record with `tcpdump -w FILE` there, and copy that",
    ),
    "went-through-terminal": Explained(
        "each LF in the file has a CR before it, and its records make sense only without them: a terminal stood between the program that "
        "captured and the file. It is read without them",
        "see `text-before-capture`; a terminal may do more to a capture than that",
    ),
    "nanoseconds-unannounced": Explained(
        "a pcap that says it counts microseconds holds nanoseconds: most of its first fractions are beyond a second. Its times are "
        "read as nanoseconds",
        "correct the program that wrote it: the magic number of such files is a1b23c4d",
    ),
    "no-timestamps": Explained(
        "simple packet blocks carry no time: that of the frame before is taken",
        "durations mean nothing here; capture with enhanced blocks (all current programs do)",
    ),
    "undecodable": Explained(
        "a frame's headers contradict each other or break off, or too many are nested (20 headers, or 64 tags or labels in a row)",
        "nothing, if they are few: real networks have such frames",
    ),
    "nested-icmp": Explained(
        "ICMP errors that quote an ICMP error, which no host may send (RFC 1122, 3.2.2); what the inner one quotes is not read",
        "nothing, if they are few; else look at the sender",
    ),
    "snapped": Explained(
        "frames were captured in part (`tcpdump -s`). Harmless behind the TCP header; inside its options, timestamps and SACK are "
        "missing, and reasoning under loss is weaker",
        "capture with `-s 128` or more",
    ),
    "fragments-incomplete": Explained(
        "some fragments of an IP packet were not captured, so that its segment is unknown",
        "nothing, or capture where there are no fragments",
    ),
    "fragments-overlap": Explained(
        "fragments overlap with different content, as some attacks do; what came first was kept",
        "look at the sender",
    ),
    "bad-checksums": Explained(
        "TCP checksums are wrong or unfinished. The capturing host's own segments are so wherever its network card does that work",
        "nothing; `--check-checksums` leaves the wrong ones out",
    ),
    "offloaded": Explained(
        "segments larger than a packet can be: the network card cuts or joins them",
        "counts of segments are counts of these; `ethtool -K IF tso off gso off gro off` while capturing, if that matters",
    ),
    "one-sided": Explained(
        "only one direction of a connection was captured although the other was answered: asymmetric routing, or a filter",
        "capture on both ways; its pattern is `unknown`, and who closed first and who holds TIME_WAIT is said only where what was "
        "captured proves it",
    ),
    "filtered": Explained(
        "only segments with certain flags were captured, such as SYN, FIN and RST: a handshake that a FIN follows had an ACK, and "
        "a SYN that is not sent again was answered",
        "what depends on the others is withheld; record all segments, with a snap length (`tcpdump -s 128`) where that is too much",
    ),
    "sampled": Explained(
        "most connections lack segments, as where one packet in several is recorded (or as many were lost)",
        "what did not happen may only not have been captured, so it is withheld; record all packets of fewer hosts",
    ),
    "coarse-clock": Explained(
        "all packets have the same time, or times in steps within which most handshakes lie",
        "durations are withheld; look at the clock of the capturing host or the driver",
    ),
    "acked-unseen": Explained(
        "something was acknowledged that was never captured, not even within 100 ms behind: the capture lost frames",
        "a larger buffer (`tcpdump -B`), a filter, a shorter `-s`. Losses in the capture look like losses in the network",
    ),
    "out-of-order": Explained(
        "frames were written behind others with later stamps, by less than 200 ms and 8,040 frames, as several queues of a network "
        "card do. They are put in order by their stamps; frame numbers stay those of the file",
        "nothing",
    ),
    "passed-over": Explained(
        "connections that were still open, or waited for what others tell, when Ctrl-C ended the analysis, and that could not be judged "
        "within a fifth of a second; they have a number (id) and are counted nowhere",
        "let it run to its end, or ask for less (`--host`, `--to +60s`)",
    ),
    "time-backwards": Explained(
        "a frame is stamped earlier than the one before it, by more than that: the clock stepped",
        "durations across the step are wrong; where the stamps are right, `reordercap` puts them in order",
    ),
    "longer-than-wire": Explained(
        "more of a frame was captured than was on the wire; all of it is decoded",
        "the program that wrote the file is at fault",
    ),
    "unknown-block": Explained(
        "a pcapng holds blocks of a type that is not known here; they are passed over, and counted by type",
        "nothing, unless they are meant to be packets",
    ),
    "time-jumps": Explained(
        "a frame is stamped more than a year after the one before it: a clock that was set, or a damaged stamp",
        "durations across it mean nothing; cut the capture there (`--from`, `--to`)",
    ),
    "midstream": Explained(
        "a connection began before the capture",
        "its handshake is not counted, and who the client is may be a guess",
    ),
    "duplicate-frames": Explained(
        "segments were captured twice: a mirror port for both directions, `-i any`, before and behind a router",
        "nothing: they are left out of every count",
    ),
    "stragglers": Explained(
        "segments without data, long after their connection was over",
        "nothing",
    ),
}


# What a segment of a connection did that is out of the ordinary.
ANOMALIES = {
    "old-duplicate-syn": Explained(
        "the SYN of this connection, or of an earlier one of its four-tuple, once more after its answer. A single one was delivered late; "
        "several, at the distances of retries, come from a client that does not have the answer",
        "of a single one nothing; of several look at the client, and at what is between it and the capture",
    ),
    "stray-syn": Explained(
        "a SYN with another initial number that nothing answered with a SYN/ACK",
        "a client that was restarted and took the same port, or a forgery",
    ),
    "synack-wrong-ack": Explained(
        "a SYN/ACK that acknowledges another number than the SYN had: the answer to an older SYN, or a forgery",
        "the client must reset it (RFC 9293, figure 8)",
    ),
    "syn-met-time-wait": Explained(
        "the SYN came while its server was in TIME_WAIT from the last connection of the same four-tuple; that answered, with its old"
        " numbers, and did not let the SYN through",
        "see [refused-by-time-wait](findings.md#refused-by-time-wait)",
    ),
    "old-incarnation-segment": Explained(
        "a segment whose numbers belong to no part of this connection: left over from an earlier one on the same four-tuple, or forged",
        "nothing, if rare",
    ),
    "acked-unseen": Explained(
        "a segment that acknowledges what the capture does not hold",
        "see the problem of the same name: the capture lost frames",
    ),
    "keep-alive-probe": Explained(
        "a side asks whether its peer is still there",
        "nothing: the connection is idle, and kept on purpose",
    ),
    "zero-window": Explained(
        "a side has no room for more data: its program does not read",
        "look why the receiving program is slow",
    ),
    "zero-window-probe": Explained(
        "the sender asks whether a closed window is open again",
        "look why the receiving program is slow",
    ),
    "data-after-fin": Explained(
        "data beyond its sender's own FIN",
        "a broken stack, or an attempt at evasion",
    ),
    "data-after-rst": Explained(
        "data although its sender's connection had been reset",
        "a broken stack, an attempt at evasion, or a forged reset",
    ),
    "segment-after-close": Explained(
        "a segment of a side that was done with the connection",
        "an old copy from the network, if single",
    ),
    "rst-ignored": Explained(
        "a RST with numbers that its receiver does not obey, or that it visibly did not obey",
        "a box on the way resets connections and gets the numbers wrong, or somebody tries to",
    ),
    "challenge-ack-candidate": Explained(
        "a RST in the window but not at the expected number: RFC 5961 answers it with a challenge ACK",
        "see `rst-ignored`: a box on the way, or an attempt to reset the connection from outside",
    ),
    "rst-with-data": Explained(
        "a RST that carries bytes; some stacks say there why (RFC 9293, 3.5.3)",
        "read them in Wireshark",
    ),
    "syn-fin": Explained(
        "SYN and FIN in one segment",
        "a scanner: no stack sends that",
    ),
    "bad-flags": Explained(
        "another combination of flags that RFC 9293 knows no use for",
        "a scanner",
    ),
    "unexpected-event": Explained(
        "an event that has no [transition](states.md#the-table) in the side's state",
        "if the capture is sound, please report it with the capture: the reasoning may be wrong there",
    ),
    "icmp-unreachable": Explained(
        "an ICMP error says that the destination cannot be reached or that a firewall forbids it, and quotes a segment of this connection",
        "it says who dropped the segment: look at the sender of the ICMP error",
    ),
    "icmp-error": Explained(
        "another ICMP error quotes a segment: time exceeded, packet too big, ...",
        "too big: path MTU discovery at work. Time exceeded: a routing loop",
    ),
}

# Anomalies that the rules of TCP explain, or an error that a router reports, or a hole in the capture.
BY_RULE = frozenset(
    ("keep-alive-probe", "zero-window", "zero-window-probe", "syn-met-time-wait", "acked-unseen", "icmp-unreachable", "icmp-error")
)

# Properties about which nothing is to be done, however often they are met.
HARMLESS = frozenset(code for code, row in PROPERTIES.items() if row.remedy.partition(":")[0].partition(";")[0] == "nothing")


class Advised(NamedTuple):
    """A piece of advice about TIME_WAIT: its heading, what to do and when, and what it costs."""

    heading: str
    text: str
    price: str


# What to do if there is too much TIME_WAIT, in this order (docs/time-wait.md, which says what S, M and D mean).
ADVICE = {
    "reuse-connections": Advised(
        "Reuse connections",
        "Keep-alive, or a pool: where one client opens many short connections to one service, each of them leaves a stay in "
        "TIME_WAIT that was not needed.",
        "idle connections at both ends; a middlebox may forget them, so the client must give them up first.",
    ),
    "who-closes-first": Advised(
        "Who closes first",
        "Let the side close first that can afford TIME_WAIT: usually the client of a public server, and for a proxy the "
        "backend, where TIME_WAIT holds no local port. Never both at once, as then both enter it.",
        "the server's memory, and the timeouts at both ends must be set so that it stays that way.",
    ),
    "spread-over-addresses": Advised(
        "Spread over addresses",
        "The ports are counted for each (source address, destination address, destination port): each further address at "
        "either end brings a whole range.",
        "more addresses to manage.",
    ),
    "widen-the-port-range": Advised(
        "Widen the port range",
        "`net.ipv4.ip_local_port_range` on Linux.",
        "services that listen inside it need `ip_local_reserved_ports`; it moves the ceiling and removes nothing.",
    ),
    "tcp_tw_reuse": Advised(
        "tcp_tw_reuse",
        "`net.ipv4.tcp_tw_reuse=1` on the *connecting* host: `connect()` may then take a port whose TIME_WAIT is about a "
        "second old (`tcp_tw_reuse_delay` on newer kernels, 1000 ms), if TCP timestamps were used on the old connection. 0 is "
        "off, 2, the default, means loopback only (**S**, **M**).",
        "only timestamps tell old duplicates from new segments; it does nothing for a server.",
    ),
    "limit-requests": Advised(
        "Limit requests",
        "Where the cause is a few addresses that open short connections without end (a crawler), limit requests for each address.",
        "people behind one NAT share an address, and the limit.",
    ),
    "shorten-time-wait": Advised(
        "Shorten TIME-WAIT",
        "Where the system lets you: Windows `TcpTimedWaitDelay`, BSD and macOS `net.inet.tcp.msl`. Linux does not.",
        "old duplicates may reach a new connection: the last resort.",
    ),
}

"""Wireshark 4.0.17's stream numbers, as literally as possible: what `StreamIndex` is held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tcptrace_py.model.segments import ACK, QUOTED, SYN, key_parts

if TYPE_CHECKING:
    from tests.ladder import Seg


@dataclass
class _Flow:
    base: int | None = None


@dataclass
class _Conversation:
    stream: int
    flows: tuple[_Flow, _Flow] = field(default_factory=lambda: (_Flow(), _Flow()))


class Wireshark:
    """`dissect_tcp` in epan/dissectors/packet-tcp.c, as far as it decides `tcp.stream`; scopes are unknown to it."""

    def __init__(self) -> None:
        self.found: dict[frozenset[tuple[bytes, int]], _Conversation] = {}
        self.streams = 0

    def take(self, segment: Seg) -> int:
        """Stream of the next segment."""
        source, target, sport, dport, _ = key_parts(segment.key)
        here, there = (source, sport), (target, dport)
        ends = frozenset((here, there))
        conversation = self.found.get(ends) or self._new(ends)
        forward, reverse = conversation.flows if here >= there else conversation.flows[::-1]
        syn, ack = segment.flags & SYN, segment.flags & ACK
        if syn and forward.base is not None and segment.seq != forward.base:
            if ack:
                forward.base = segment.seq  # "the retrieved conversation might have a different base_seq" (issue 16944)
            else:
                conversation = self._new(ends)
                forward, reverse = conversation.flows if here >= there else conversation.flows[::-1]
        if segment.notes & QUOTED:
            return conversation.stream  # in_error_pkt: no sequence analysis, so no base numbers
        if forward.base is None:
            forward.base = segment.seq if syn else (segment.seq - 1) % 2**32
        if reverse.base is None and ack:
            reverse.base = (segment.ack - 1) % 2**32
        return conversation.stream

    def _new(self, ends: frozenset[tuple[bytes, int]]) -> _Conversation:
        conversation = self.found[ends] = _Conversation(self.streams)
        self.streams += 1
        return conversation

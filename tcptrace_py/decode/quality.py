"""What decoding tells about a capture's quality: counted while it runs, said at its end."""

from array import array

from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import BAD_CHECKSUM
from tcptrace_py.model.words import RECENT

from .checksum import GOOD, WRONG, tcp_checksum

CHECKSUM_SAMPLE = 1000
LEAVE_OUT = -1
NOT_READ = "not-read"  # code of a problem that is one only where a capture holds no TCP at all
UNKNOWN_LINK = "unknown-link-type"  # code of a problem that is damage only there

_ALL = 1 << 62
_SAMPLED = f" (among the first {CHECKSUM_SAMPLE} frames, the only ones looked at)"
_UNFINISHED = "TCP checksums left to the capturing host's network card (checksum offload): harmless"
_WRONG = "TCP checksums that are wrong: damaged, or captured before a network card finished them; analysed all the same"
_WRONG_LEFT_OUT = "TCP checksums that are wrong: these segments are left out"
_OFFLOADED = (
    "segments larger than an Ethernet packet of 1500 bytes: cut or joined by the capturing host's network card "
    "(TSO, GRO, LRO), or sent over a link with a larger MTU; counts of segments are counts of these"
)
_SNAPPED = "frames cut by the snap length inside the TCP header: what lay behind the cut is unknown"


class Tally:
    """Counts kept instead of calling `Problems` for every frame, each with the first frame that it was met at.

    The checksums of wholly captured segments are looked at up to the frame `looked_at_to`: a bound that does not hang on
    what came before, so that parts of a capture can be decoded apart from each other.
    """

    __slots__ = ("_first", "_obey", "looked_at_to", "offloaded", "owner_of", "recent", "snapped", "unfinished", "wrong")

    def __init__(self, *, obey: bool, sample: int) -> None:
        self._obey = obey
        self._first: dict[str, int] = {}
        self.recent = [b""] * RECENT
        self.owner_of = array("i")  # process by bucket of the four-tuple, where several share the capture
        self.looked_at_to = _ALL if obey else sample
        self.offloaded = self.snapped = self.unfinished = self.wrong = 0

    def counts(self) -> tuple[dict[str, int], tuple[int, ...]]:
        """All that was counted so far."""
        return dict(self._first), (self.offloaded, self.snapped, self.unfinished, self.wrong)

    def go_back_to(self, counts: tuple[dict[str, int], tuple[int, ...]]) -> None:
        """Forget what was counted since."""
        self._first, (self.offloaded, self.snapped, self.unfinished, self.wrong) = dict(counts[0]), counts[1]

    def count(self, name: str, frame: int, times: int = 1) -> None:
        """Count so many more of `offloaded`, `snapped`, `unfinished` or `wrong`, from this frame on."""
        self._first[name] = min(self._first.get(name, frame), frame)  # frames come in the order of their times
        setattr(self, name, getattr(self, name) + times)

    def check(self, addresses: bytes, segment: bytes, frame: int) -> int:
        """Look at the checksum of a wholly captured segment: notes for its row, or LEAVE_OUT.

        Unfinished checksums are never a reason to leave a segment out: it was sent with a good one.
        """
        verdict = tcp_checksum(addresses, segment)
        if verdict == GOOD:
            return 0
        self.count("wrong" if verdict == WRONG else "unfinished", frame)
        return LEAVE_OUT if self._obey and verdict == WRONG else BAD_CHECKSUM

    def report(self, problems: Problems) -> None:
        """Say what was counted."""
        wrong = _WRONG_LEFT_OUT if self._obey else _WRONG + _SAMPLED
        unfinished = _UNFINISHED if self._obey else _UNFINISHED + _SAMPLED
        for name, code, explanation in (
            ("snapped", "snapped", _SNAPPED),
            ("wrong", "bad-checksums", wrong),
            ("unfinished", "bad-checksums", unfinished),
            ("offloaded", "offloaded", _OFFLOADED),
        ):
            if getattr(self, name):
                problems.add(code, explanation, frame=self._first[name], count=getattr(self, name))

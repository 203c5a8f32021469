"""The register of stories: a function that tells one on a wire, and what must be said of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from samples.stories.expect import Expectation
from tests.writer.links import ETHERNET, Link
from tests.writer.talk import Vantage, Wire

Tell = Callable[[Wire], bytes | None]


@dataclass(frozen=True)
class Story:
    """A sample: its file, its situation in a sentence, how it is told and what an analysis must say."""

    file: str
    theme: str
    title: str
    tell: Tell
    expected: Expectation
    link: Link

    def content(self, tap: Vantage | None = None) -> bytes:
        """The bytes of the file before compression: what the teller returns, else its wire in the file's format.

        `tap` has the story captured at another point than its own.
        """
        wire = Wire(self.link, tap=tap)
        told = self.tell(wire)
        if told is not None:
            return told
        return wire.pcapng() if ".pcapng" in self.file else wire.pcap()

    @property
    def suffix(self) -> str:
        """The last part of the file's name: `pcap`, or that of a compressor."""
        return self.file.rpartition(".")[2]


STORIES: dict[str, Story] = {}


def story(
    file: str,
    *connections: dict[str, Any],
    problems: tuple[str, ...] | None = (),
    exit_codes: tuple[int, ...] = (0,),
    document: dict[str, Any] | None = None,
    link: Link = ETHERNET,
    stated: bool = True,
) -> Callable[[Tell], Tell]:
    """Register a teller for a file. With `stated` false nothing is said of the connections, not even how many."""

    def register(tell: Tell) -> Tell:
        expected = Expectation(connections if stated else None, problems, exit_codes, document or {})
        title = " ".join((tell.__doc__ or "").split())
        if file in STORIES or not title:
            raise ValueError(f"{file}: told twice, or without a sentence that says what it is")
        STORIES[file] = Story(file, tell.__module__.rpartition(".")[2], title, tell, expected, link)
        return tell

    return register

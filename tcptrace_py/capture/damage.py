"""How damage inside one file is put into words: file, byte and frame."""

from tcptrace_py.model.problems import Problems
from tcptrace_py.model.results import FileInfo

LISTED = 10  # places named one by one for each file and code: hostile input must not fill memory with messages


class Damage:
    """The problems of one file. Frame numbers are the file's own; only a lone file's are also the capture's."""

    def __init__(self, problems: Problems, info: FileInfo, *, alone: bool) -> None:
        self._problems = problems
        self._info = info
        self._alone = alone
        self._listed: dict[str, set[str]] = {}
        self._broken_off = False
        self.only: tuple[str, ...] = ()  # codes of problems that are wanted; empty: all
        self.unit = ""  # said behind byte numbers that are not the file's own

    def add(self, code: str, text: str, frame: int, *, damaged: bool = True, truncated: bool = False) -> None:
        """Report a problem met at frame number `frame` (0: before the first)."""
        if self.only and code not in self.only:
            return
        self._info.truncated = self._info.truncated or truncated
        listed = self._listed.setdefault(code, set())
        if text not in listed:
            if len(listed) >= LISTED:
                text = f"further problems of this kind, after the first {LISTED}"
            listed.add(text)
        self._problems.add(code, f"{self._info.path}: {text}", damaged=damaged, frame=frame if self._alone and frame > 0 else None)

    def byte(self, position: int) -> str:
        """Put a place in the file into words."""
        return f"byte {position}{self.unit}"

    def broken_off(self, code: str, why: str, frame: int) -> None:
        """Report that no more can be read from here on."""
        if not self._broken_off:
            self.add(code, f"{why}; {after(frame)}", frame, truncated=True)
        self._broken_off = True

    def ended_by_hand(self) -> None:
        """Expect an end in the middle of things: the reading was interrupted."""
        self._broken_off = True

    def cut_tail(self, position: int, left_bytes: int, what: str, frame: int) -> None:
        """Report that the file ends inside what begins at `position`, after frame `frame`."""
        if self._broken_off:
            return  # the end of what could be read was reported as what it is
        self.add(
            "cut-tail",
            f"ends inside the {what} that begins at {self.byte(position)}, {left_bytes} bytes into it; {after(frame)}",
            frame,
            truncated=True,
        )

    def skipped(self, code: str, what: str, position: int, resumed: int | None, frame: int) -> None:
        """Report something unreadable at `position`, and where reading went on (None: nowhere)."""
        if resumed is None:
            self.add(
                code,
                f"{what} at {self.byte(position)}, {after(frame)}; nothing behind it makes sense, the rest of the file is left out",
                frame,
                truncated=True,
            )
        else:
            self.add(code, f"{what} at {self.byte(position)}, {after(frame)}; {resumed - position} bytes skipped", frame)


def after(frame: int) -> str:
    """Where in the file's own count of frames something is."""
    return f"after frame {frame}" if frame else "before the first frame"

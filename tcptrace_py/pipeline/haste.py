"""An end that is asked for (Ctrl-C): what was read is concluded for a moment longer, and then what is left is passed over."""

import time
from collections.abc import Callable

PASSED_OVER = "passed-over"
EXPLANATION = "connections were still to be judged when the analysis was interrupted; they are in no number but those of packets"
CONCLUDES_S = 0.2  # of the processor's time: what is told does not hang on how busy the machine is


def over_in(most_s: float) -> Callable[[], bool]:
    """Tells whether so many seconds of the processor's time are over."""
    until_s = time.process_time() + most_s
    return lambda: time.process_time() > until_s


class Haste:
    """Whether an end was asked for, and whether the time that is left then is over.

    `listen` raises KeyboardInterrupt where it was.
    """

    def __init__(self, listen: Callable[[], None]) -> None:
        self.asked = False
        self._listen = listen
        self._heard: Callable[[], None] = lambda: None
        self._is_over: Callable[[], bool] = lambda: False

    def ask(self) -> None:
        """An end is asked for."""
        if not self.asked:
            self.asked, self._is_over = True, over_in(CONCLUDES_S)
            self._heard()

    def tell(self, heard: Callable[[], None]) -> None:
        """Call this as soon as an end is asked for, or now."""
        self._heard = heard
        if self.asked:
            heard()

    def listen(self) -> None:
        """Look whether it is."""
        if not self.asked:
            try:
                self._listen()
            except KeyboardInterrupt:
                self.ask()

    def is_over(self) -> bool:
        """Whether nothing more is to be begun."""
        self.listen()
        return self._is_over()

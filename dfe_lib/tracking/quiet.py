"""The terminal kept clean of what compiled libraries write on it."""

import os
import sys
import threading

__all__ = ["QUIET", "Quiet"]


class Quiet:
    """Keeps what MediaPipe and LiteRT write, at whatever log level, off the terminal.

    The terminal belongs to the whole process: where threads are inside at once, the first takes it away and the last
    brings it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside, self._kept = 0, -1

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._kept = _to_nowhere()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                os.dup2(self._kept, 2)
                os.close(self._kept)


def _to_nowhere() -> int:
    """Sends the standard error stream nowhere; returns a descriptor of where it went."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return kept


QUIET = Quiet()
"""The one of the process."""

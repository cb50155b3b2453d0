"""What stands in the way of writing, as one sentence: a full disk, a folder that is read-only or has gone."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError

__all__ = ["OutputError", "writing"]

OF_OUTPUT = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""Errors that reading does not have."""


class OutputError(UserError):
    """Nothing can be written there, whatever is read: what is finished is kept, and a run stops."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises OutputError for what goes wrong within and is the fault of the disk or folder, and not of an input."""
    try:
        yield
    except OSError as error:
        reason = _reason(error, path.parent)
        if not reason:
            raise
        raise OutputError(
            f"{path} cannot be written ({reason}): mend that, or name another place, and run again; "
            "what is finished is kept."
        ) from None


def _reason(error: OSError, folder: Path) -> str:
    if error.errno in OF_OUTPUT:
        return os.strerror(error.errno)
    if not folder.is_dir():
        return "its folder has gone"
    return "its folder is read-only" if not os.access(folder, os.W_OK) else ""

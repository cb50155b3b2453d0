import pytest

from dfe_lib.cli import _parser
from dfe_lib.errors import UserError
from dfe_lib.tracking.formats.settings import ReadSettings, reading_settings


def test_flags_become_settings() -> None:
    flags = ["inspect", "a.csv", "--fps", "25", "--width", "640", "--height", "480", "--offset", "-1.5"]
    found = reading_settings(_parser().parse_args(flags), faces="all")
    assert found == ReadSettings(25.0, 640, 480, faces="all", offset=-1.5)
    assert reading_settings(_parser().parse_args(["inspect", "a.csv"])) == ReadSettings()
    with pytest.raises(UserError, match="width and height must be 0 or more"):
        reading_settings(_parser().parse_args(["inspect", "a.csv", "--width", "-3"]))

"""Names of the facial actions."""

import pytest

from dfe_lib.blendshapes import ACTIONS, BLENDSHAPES, mirror_permutation
from dfe_lib.errors import UserError


@pytest.mark.parametrize("names", [ACTIONS, BLENDSHAPES])
def test_mirroring_twice_is_no_change(names) -> None:
    swap = mirror_permutation(names)
    assert [swap[i] for i in swap] == list(range(len(names)))
    assert names[swap[names.index("eyeBlinkLeft")]] == "eyeBlinkRight"


def test_codes_of_flame_have_no_mirror_image_here() -> None:
    with pytest.raises(UserError, match="exp1 is no ARKit action"):
        mirror_permutation(("exp1", "exp2", "jawX"))

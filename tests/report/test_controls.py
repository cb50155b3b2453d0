"""Controls where a browser watches, drawn by a real kernel that says it lets a cell ask; nothing elsewhere."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel

from dfe_lib.morphable import anny_head
from dfe_lib.report import TURNS, explore, turned_head

CODE = """
import matplotlib.pyplot as plt
from dfe_lib.report.controls import explore
explore(lambda clip, frame: plt.figure(figsize=(1, 1)), clip=["one", "two"], frame=range(0, 9, 2))
"""


@pytest.fixture
def shown() -> object:
    """What a cell puts on the page, by whether the page lets it ask."""
    manager, client = start_new_kernel(kernel_name="python3")

    def run(browsed: bool) -> list[dict]:
        found: list[dict] = []

        def note(message: dict) -> None:
            assert message["msg_type"] != "error", message["content"]
            if message["msg_type"] == "display_data":
                found.append(message["content"]["data"])

        client.execute_interactive(CODE, output_hook=note, allow_stdin=browsed, stdin_hook=lambda _: None)
        return found

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_a_browser_gets_controls_and_a_headless_run_gets_nothing(shown) -> None:
    assert shown(browsed=False) == []
    assert any("application/vnd.jupyter.widget-view+json" in data for data in shown(browsed=True))


def test_without_a_choice_there_is_nothing_to_explore() -> None:
    explore(lambda clip: pytest.fail("nothing is drawn"), clip=[])


def test_the_head_turns() -> None:
    head = anny_head()
    change = np.zeros(len(head.names))
    change[head.names.index("jawOpen")] = 0.5
    straight, aside = (turned_head(head, np.zeros_like(change), change, "jaw", yaw) for yaw in (0, TURNS[-1]))
    pictures = [figure.axes[0].images[0].get_array() for figure in (straight, aside)]
    assert straight.axes[0].get_title() == "jaw"
    assert np.abs(pictures[0].astype(float) - pictures[1]).mean() > 5
    plt.close("all")

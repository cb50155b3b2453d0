import matplotlib.pyplot as plt
import numpy as np

from dfe_lib.cohort.calibration import cohort_summary, measure
from dfe_lib.cohort.cohort import CohortConfig, simulate_person
from dfe_lib.cohort.filmed import FilmedPerson
from dfe_lib.morphable.anny import anny_head
from dfe_lib.report.cohort import filmed_sheet, session_figure, summary_figure

CONFIG = CohortConfig(6, 1, 5)


def test_a_session_shows_its_psi_its_displays_and_that_it_is_simulated() -> None:
    session = simulate_person(CONFIG, 0)
    figure = session_figure(session, anny_head())
    displays, image = figure.axes[-3], figure.axes[-2].images[0]
    assert "Simulated" in figure.get_suptitle() and session.subject_id in figure.get_suptitle()
    rows = np.sort(np.argsort(session.psi.std(0))[::-1][:24])
    np.testing.assert_array_equal(image.get_array(), session.psi[:, rows].T)
    blinks = session.events[session.events.display == "blink"]
    widths = [patch.get_width() for patch in displays.patches]
    assert len(widths) <= len(session.events) and len(widths) > len(blinks)
    plt.close(figure)


def test_the_summary_shows_what_was_set_and_what_was_measured() -> None:
    summary = cohort_summary(measure(simulate_person(CONFIG, index) for index in range(6)), CONFIG)
    figure = summary_figure(summary)
    blinks = figure.axes[0]
    shown = {line.get_marker(): line.get_xdata(orig=False) for line in blinks.lines if len(line.get_ydata()) == 3}
    np.testing.assert_allclose(shown["o"], summary.measured[:3])
    np.testing.assert_allclose(shown["D"], summary.set_to[:3])
    assert "Simulated" in figure.get_suptitle()
    names = [label.get_text() for axis in figure.axes for label in axis.get_yticklabels()]
    assert "depression: lip corner depressor, session (detectable)" in names and not any("_" in name for name in names)
    plt.close(figure)


def test_filmed_people_are_rows_of_pictures() -> None:
    pictures = [(float(i), np.full((20, 20, 3), 40 * i, np.uint8)) for i in range(3)]
    films = [FilmedPerson(np.arange(3.0), *[np.zeros((3, 52))] * 3, pictures)] * 2
    figure = filmed_sheet(films)
    assert len(figure.axes) == 6 and figure.axes[4].images[0].get_array()[0, 0, 0] == 40
    plt.close(figure)

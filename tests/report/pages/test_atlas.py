import dataclasses
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from codebooks import MOVES, STRENGTHS, known_model, known_templates, strong_model, write_tokens
from PIL import Image
from playwright.sync_api import Browser, Page
from video_files import real_frames, write_video

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.cli import main
from dfe_lib.comparison.token_readings import token_units
from dfe_lib.errors import UserError
from dfe_lib.io.assets import asset
from dfe_lib.io.clip_table import MediaFile
from dfe_lib.io.tables import REAL, SIMULATED
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.metric import mesh_length
from dfe_lib.morphable.space import ExpressionSpace, expression_space
from dfe_lib.report.pages.atlas import atlas_of_model, write_atlas
from dfe_lib.tracking.extraction import extract_clip
from dfe_lib.tracking.formats.flame_codes import flame_names
from dfe_lib.tracking.sources import write_sources

TOGETHER = 30
"""Frames in which tokens 3 and 5 are together, of twice as many."""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("tokens")
    made = [[3, 5, 0]] * TOGETHER + [[1, 2, 0]] * TOGETHER + [[-1, -1, -1]] * 10
    return [
        write_tokens(folder / "made.parquet", made, SIMULATED),
        write_tokens(folder / "single_face.parquet", [[3, 4, 4]], REAL),
    ]


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    extract_clip(asset("single_face.jpg"), folder / "single_face.parquet")
    write_sources([MediaFile(asset("single_face.jpg"), "single_face", "man")], folder)
    return folder


@pytest.fixture(scope="module")
def readings() -> pd.DataFrame:
    count = len(MOVES)
    units = ["AU12L AU25" if k < 4 else "AU45" for k in range(count)]
    return pd.DataFrame({
        "display": range(count), "reading": [f"{unit} +0.50" for unit in units], "units": units,
        "r2": 0.9, "r2_detectors": np.linspace(0.95, 0.1, count), "beyond_facs": np.arange(count) >= 7,
    })  # fmt: skip


@pytest.fixture(scope="module")
def space() -> ExpressionSpace:
    return expression_space(ACTIONS)


@pytest.fixture(scope="module")
def index(
    space: ExpressionSpace,
    tables: list[Path],
    frames: Path,
    readings: pd.DataFrame,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    return write_atlas(tmp_path_factory.mktemp("atlas"), known_model(), space, tables, frames, readings)


@pytest.fixture(scope="module")
def opened(chromium: Browser, index: Path) -> Iterator[tuple[Page, list[str]]]:
    context = chromium.new_context(reduced_motion="reduce", viewport={"width": 1200, "height": 900})
    context.set_offline(True)
    context.set_default_timeout(30_000)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request", lambda request: said.append(request.url) if not request.url.startswith(("file:", "data:")) else 0
    )
    page.goto(index.as_uri())
    yield page, said
    context.close()


@pytest.fixture
def page(opened: tuple[Page, list[str]]) -> Page:
    """The page as it is after opening, but with nothing on the head."""
    page, _ = opened
    page.evaluate("document.querySelector('[type=reset]').click(), document.getElementById('clear').click()")
    page.evaluate("document.querySelector('[data-yaw]').click()")
    page.wait_for_function(f"() => atlas.visible.length === {len(MOVES)} && !atlas.view.yaw")
    return page


def state(page: Page, what: str):
    return page.evaluate(f"atlas.{what}")


def moved(page: Page) -> np.ndarray:
    return np.array(state(page, "moved"))


def canvas(page: Page) -> np.ndarray:
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shot = page.locator("#head").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def expected_mm(strengths: dict[int, float]) -> np.ndarray:
    psi = sum(strength * known_templates()[token] for token, strength in strengths.items())
    return np.linalg.norm(anny_head().displacement_mm(psi), axis=1)


def test_the_page_opens_from_disk_without_network_and_without_a_complaint(opened, index: Path) -> None:
    page, said = opened
    assert page.title() == "Atlas of facial displays"
    assert page.locator("#cards li").count() == len(MOVES)
    page.locator("#cards img").evaluate_all("all => all.forEach((one) => (one.loading = 'eager'))")
    page.wait_for_function("() => [...document.images].every((one) => one.complete && one.naturalWidth)")
    assert said == []
    assert [path.name for path in index.parent.iterdir()] == ["index.html"]


def test_a_stranger_reads_what_a_token_does(page: Page) -> None:
    titles = page.locator("#cards h4").all_text_contents()
    assert any(title.startswith("Display 2Left lip corner up 7\u00a0mm and outwards 4\u00a0mm") for title in titles)
    card = page.locator("#display-3").text_content()
    assert "50 % of the frames of simulated people" in card and "100 % of the frames of the real clips" in card
    assert "AU12L AU25 +0.50: 90 % of the movement; all units of the usual detectors 67 %" in card
    assert page.locator("#display-3 .frames img").count() == 1
    assert page.locator("#display-3 .frames img").get_attribute("alt") == "Frame of single_face with display 3"


def test_a_search_for_a_number_finds_that_token_and_one_for_words_what_moves_so(page: Page) -> None:
    page.get_by_label("Search").fill("7")
    assert state(page, "visible") == [7]
    page.get_by_label("Search").fill("brows up")
    assert state(page, "visible") == [4]
    assert page.locator("#count").inner_text() == '1 of 10 displays, by how much of "brows up" they explain'
    page.get_by_label("Search").fill("elbow")
    assert state(page, "visible") == [] and "No display fits" in page.locator("#count").inner_text()


def test_everyday_words_find_what_explains_most_of_them_first(page: Page) -> None:
    for asked, found in (("smile", [3, 2]), ("AU45", [5]), ("frown", [7]), ("tongue out", [9]),
                         ("brow lowerer", [7]), ("happy", [3, 2]), ("sadness", [7]), ("AU 04", [7])):  # fmt: skip
        page.get_by_label("Search").fill(asked)
        assert state(page, "visible") == found, asked
    page.get_by_label("Search").fill("au12")
    share = page.locator("#display-2 .explains").text_content()
    assert share.startswith("Explains ") and 30 < float(share.split()[1]) < 60 and share.endswith(" of au12")
    assert page.locator("#count").inner_text() == "2 of 10 displays, by how much of AU12 they explain"
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("() => atlas.visible.length === 10")
    assert page.locator(".explains:visible").count() == 0


def test_an_emotion_says_which_units_it_is_looked_for_as(page: Page) -> None:
    assert not page.locator("#meant").is_visible()
    page.get_by_label("Search").fill("anger")
    said = page.locator("#meant").inner_text()
    assert "AU4 + AU5 + AU7 + AU23 (EMFACS, Friesen and Ekman 1983)" in said and "not what somebody feels" in said


def test_two_displays_are_compared_region_by_region_in_mm(strong: Page) -> None:
    for display in (1, 4):
        strong.get_by_role("button", name=f"Compare display {display}", exact=True).click()
    strong.get_by_label("Level of display 1").select_option("level B")
    assert state(strong, "compared") == [[1, 0.5], [4, 1]]
    assert strong.locator("#pair canvas:visible").count() == 2
    rows = [[cell.inner_text() for cell in row.locator("th, td").all()] for row in strong.locator("#apart tr").all()]
    assert rows[0] == ["region", "display 1", "display 4", "difference"]
    head, first, second = anny_head(), 0.5 * known_templates()[1], known_templates()[4]
    for name, *told in rows[1:]:
        metric = head.gram(name)
        lengths = [float(mesh_length(each[None], metric)[0]) for each in (first, second, first - second)]
        np.testing.assert_allclose([float(each) for each in told], lengths, atol=0.011, err_msg=name)
    assert {row[0] for row in rows[1:]} == {"brows", "eyes", "nose", "cheeks", "mouth", "jaw", "face"}
    strong.locator("#uncompare").click()
    assert not strong.locator("#comparison").is_visible() and state(strong, "compared") == []


def test_displays_stand_under_what_they_do(page: Page) -> None:
    headings = [each.split("\n")[0].rstrip(" 0123456789") for each in page.locator("#cards h3").all_inner_texts()]
    assert headings.index("Brows: inner brows up") < headings.index("Eyes close") < headings.index("Mouth opens")
    assert len(headings) == len(set(headings)) < len(MOVES)


def test_times_open_the_clips_page_where_there_is_one(space: ExpressionSpace, tmp_path: Path) -> None:
    made = write_tokens(tmp_path / "made.parquet", [[3, 0, 0]] * 2 + [[1, 0, 0]] * 3 + [[3, 0, 0]] * 9, REAL)
    other = write_tokens(tmp_path / "other.parquet", [[3, 0, 0]] * 4, REAL)
    page = write_atlas(tmp_path, known_model(codes=4), space, [made, other], pages={"made": "clips/1/index.html"})
    data = json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL).group(1))
    runs = data["displays"][3]["runs"]
    assert runs == [["made", 0.2, 0.52], ["other", 0.0, 0.12], ["made", 0.0, 0.04]]
    assert data["pages"] == {"made": "clips/1/index.html"} and data["displays"][2]["runs"] == []


def test_an_atlas_of_clips_leads_into_their_pages(chromium: Browser, tmp_path: Path) -> None:
    known_model(codes=4).save_pretrained(tmp_path / "model")
    clip = write_video(tmp_path / "a man.mp4", [frame.rgb for frame in real_frames("single_face.mp4", 5)])
    out = tmp_path / "atlas"
    assert main(["atlas", str(tmp_path / "model"), "-o", str(out), "--clips", str(clip)]) == 0
    page = chromium.new_page(reduced_motion="reduce")
    page.goto((out / "index.html").as_uri())
    link = page.locator(".chips a[href^='clips/']").first
    assert link.get_attribute("href").startswith("clips/1/index.html#t=")
    assert page.locator(".frames img").count() > 0
    link.click()
    page.wait_for_function("() => window.viewer && viewer.frame >= 0")
    assert page.title() == "a man and its tokens"
    page.close()


def test_filters_filter(page: Page) -> None:
    page.get_by_label("Region").select_option("brows")
    assert set(state(page, "visible")) == {4, 7}
    page.locator("#beyond").select_option("yes")
    assert state(page, "visible") == [7]
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("() => atlas.visible.length === 10")
    assert page.locator("#unit option").all_inner_texts() == [
        "any", "AU12 lip corner puller", "AU25 lips part", "AU45 blink"
    ]  # fmt: skip
    page.get_by_label("Action unit").select_option("AU45")
    assert set(state(page, "visible")) == {4, 5, 6, 7, 8, 9}
    page.get_by_label("Action unit").select_option("")
    page.get_by_label("Occurs in").select_option("0.2")
    assert set(state(page, "visible")) == {3, 4}


def test_orders_order(page: Page) -> None:
    strength = [expected_mm({k: 1.0}).max() for k in range(len(MOVES))]
    page.get_by_label("Order").select_option("strong")
    assert state(page, "visible") == sorted(range(len(MOVES)), key=lambda k: -strength[k])
    page.get_by_label("Order").select_option("id")
    assert state(page, "visible") == list(range(len(MOVES)))
    page.get_by_label("Order").select_option("facs")
    assert state(page, "visible") == list(range(len(MOVES)))[::-1]


def test_the_slider_moves_the_vertices_by_its_share(page: Page) -> None:
    page.get_by_role("button", name="Show display 1 on the head").click()
    np.testing.assert_allclose(moved(page), expected_mm({1: 1.0}), atol=0.02)
    page.get_by_role("slider").fill("200")
    np.testing.assert_allclose(moved(page), expected_mm({1: 2.0}), atol=0.03)
    assert page.locator("#most").inner_text() == f"moves at most {expected_mm({1: 2.0}).max():.0f} mm"
    page.get_by_role("slider").press("ArrowLeft")
    assert state(page, "combination") == {"1": 1.95}


def test_tokens_on_the_head_add_up(page: Page) -> None:
    page.get_by_role("button", name="Add display 2 to the head").click()
    page.get_by_label("Add display", exact=True).fill("4")
    page.get_by_label("Add display", exact=True).press("Enter")
    page.locator("#strength-4").fill("50")
    assert state(page, "combination") == {"2": 1, "4": 0.5}
    np.testing.assert_allclose(moved(page), expected_mm({2: 1.0, 4: 0.5}), atol=0.03)
    points = np.array(state(page, "points")).reshape(-1, 3)
    psi = known_templates()[2] + 0.5 * known_templates()[4]
    np.testing.assert_allclose(points, anny_head().vertices(psi) * 1000, atol=0.03)
    page.get_by_role("button", name="Take display 2 off").click()
    np.testing.assert_allclose(moved(page), expected_mm({4: 0.5}), atol=0.02)
    assert "Display 2 is off" in page.locator("#said").inner_text()


def test_a_token_that_does_not_exist_is_said_to(page: Page) -> None:
    page.evaluate("document.getElementById('add').max = 99")
    page.get_by_label("Add display", exact=True).fill("77")
    page.get_by_label("Add display", exact=True).press("Enter")
    assert page.locator("#said").inner_text() == "There is no such display."
    assert state(page, "combination") == {}


def test_the_keyboard_turns_the_head_and_the_picture_follows(page: Page) -> None:
    head = page.get_by_role("application")
    page.evaluate("document.getElementById('stage-title').focus()")
    head.focus()
    before = canvas(page)
    assert before.std() > 20
    for key in ("ArrowLeft", "ArrowLeft", "ArrowDown", "+"):
        head.press(key)
    assert state(page, "view") == {"yaw": -20, "pitch": 10, "zoom": pytest.approx(1.2)}
    assert np.abs(canvas(page) - before).mean() > 3
    assert head.get_attribute("aria-label") == "Head with no display, turned 20° to the person's right"
    head.press("Home")
    head.press("-")
    assert state(page, "view") == {"yaw": 0, "pitch": 0, "zoom": pytest.approx(1.0)}


def test_the_mouse_turns_the_head(page: Page) -> None:
    box = page.locator("#head").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=4)
    page.mouse.up()
    assert state(page, "view")["yaw"] == 20


def test_the_head_shows_heat_where_the_token_moves_it(page: Page) -> None:
    rest = canvas(page)
    page.get_by_role("button", name="Show display 1 on the head").click()
    shown = canvas(page)
    redder = (shown[..., 0] - shown[..., 2]) - (rest[..., 0] - rest[..., 2])
    height = len(redder)
    assert (redder[height // 2 :] > 60).mean() > 0.05 > (redder[: height // 3] > 60).mean()


def test_an_address_opens_a_token(page: Page) -> None:
    page.get_by_label("Region").select_option("jaw")
    page.evaluate("location.hash = '#display-5'")
    page.wait_for_function("() => atlas.combination[5] === 1")
    assert page.evaluate("document.activeElement.id") == "display-5"
    page.evaluate("history.replaceState(null, '', location.pathname)")


def test_everything_has_a_name_for_a_screen_reader(page: Page) -> None:
    page.get_by_role("button", name="Add display 2 to the head").click()
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, a, input, select, img, canvas")].filter((one) =>
        !(one.getAttribute("aria-label") || one.alt || one.textContent.trim() || one.labels?.length)).length"""
    )
    assert nameless == 0


def test_a_phone_shows_it_without_sideways_scrolling_and_the_night_dark(chromium: Browser, index: Path) -> None:
    context = chromium.new_context(
        viewport={"width": 375, "height": 740}, color_scheme="dark", has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(index.as_uri() + "#3")
    page.wait_for_function("() => atlas.combination[3] === 1")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    shot = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"))
    assert np.median(shot) < 60 and shot.std() > 20
    small = page.locator("button:visible").evaluate_all("all => all.filter((one) => one.offsetHeight < 32).length")
    assert small == 0
    context.close()


def test_tokens_that_share_frames_go_together(page: Page) -> None:
    friends = page.locator("#display-5 .chips a")
    assert friends.all_inner_texts() == ["3"]
    expected = (2 * TOGETHER + 1) / (TOGETHER + 1)
    assert f"together {expected:.1f}".rstrip("0").rstrip(".") in friends.get_attribute("title")


@pytest.fixture(scope="module")
def strong(chromium: Browser, space: ExpressionSpace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The atlas of displays at four strengths."""
    folder = tmp_path_factory.mktemp("strong")
    tokens = write_tokens(folder / "made.parquet", [[12, 21, 0], [15, 0, 0], [12, 0, 0], [0, 0, 0]], SIMULATED)
    page = chromium.new_page(reduced_motion="reduce", viewport={"width": 1366, "height": 768})
    page.goto(write_atlas(folder / "page", strong_model(), space, [tokens]).as_uri())
    yield page
    page.close()


def test_a_card_is_a_display_with_its_strengths(strong: Page) -> None:
    assert len(state(strong, "visible")) == len(MOVES)
    assert "10 displays at 4 strengths each: 40 tokens in one codebook" in strong.locator("#about").inner_text()
    most = expected_mm({1: 1.0}).max()
    levels = strong.locator("#display-1 .levels button").all_text_contents()
    assert [level.split()[0] for level in levels] == list("ABCD")
    assert [float(level.split()[1]) for level in levels] == pytest.approx(most * np.array(STRENGTHS), rel=0.05)
    assert len(strong.locator("#display-0 .levels button").all()) == 3  # its weakest is the token that means nothing
    assert "75 % of the frames of simulated people" in strong.locator("#display-3 .facts").text_content()
    told = strong.locator("#display-3 .levels button").first.get_attribute("title")
    assert told == "token 12, 25 % of the top level, in 50 % of the frames"


def test_a_level_is_shown_at_its_strength(strong: Page) -> None:
    strong.get_by_role("button", name="Show display 1 at level B on the head").click()
    assert state(strong, "combination") == {"1": 0.5}
    np.testing.assert_allclose(moved(strong), expected_mm({1: 0.5}), atol=0.02)


def test_displays_alike_stand_together(strong: Page) -> None:
    strong.get_by_label("Order").select_option("groups")
    headings = strong.locator("#cards h3").all_inner_texts()
    assert len(headings) == 2 and sum(int(each.split()[-1]) for each in headings) == len(MOVES)
    strong.get_by_label("Order").select_option("id")
    assert strong.locator("#cards h3").count() == 0 and state(strong, "visible") == list(range(len(MOVES)))


def test_the_same_codebook_gives_the_same_bytes(index: Path, space, tables, frames, readings, tmp_path: Path) -> None:
    again = write_atlas(tmp_path, known_model(), space, tables, frames, readings)
    assert again.read_bytes() == index.read_bytes()


def test_codes_without_a_head_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="came without one"):
        write_atlas(tmp_path, known_model(), expression_space(flame_names(50)))


def test_a_model_alone_has_an_atlas(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    known_model(shared=False, codes=3).save_pretrained(tmp_path / "run" / "model")
    assert main(["atlas", str(tmp_path / "run" / "model"), "-o", str(tmp_path / "page")]) == 0
    assert capsys.readouterr().out == f"open {tmp_path / 'page' / 'index.html'} in a browser\n"
    page = (tmp_path / "page" / "index.html").read_text()
    assert '"label":"2.1"' in page and '"text":"AU26 +0.50: 100 % of the movement' in page
    with pytest.raises(UserError, match="no trained model"):
        atlas_of_model(tmp_path, tmp_path / "page")


def test_simulated_people_are_counted_by_the_readings_where_no_table_holds_them(
    space: ExpressionSpace, tables: list[Path], tmp_path: Path
) -> None:
    model = known_model(codes=6)
    readings = token_units(known_templates()[:6], space.head).assign(frequency_simulated=0.25, frequency_real=0.0)
    page = write_atlas(tmp_path, model, space, tables[1:], readings=readings).read_text()
    assert page.count('"simulated":0.25}') == 6 and page.count('"real":1.0') == 2


def test_a_head_without_landmarks_names_tokens_by_their_coefficients(space: ExpressionSpace, tmp_path: Path) -> None:
    bare = dataclasses.replace(space.head, landmarks=None, regions={"face": space.head.region("face")})
    page = write_atlas(tmp_path, known_model(codes=3), dataclasses.replace(space, head=bare)).read_text()
    assert '"name":"jawOpen +0.50, ' in page and '"regions":[]' in page

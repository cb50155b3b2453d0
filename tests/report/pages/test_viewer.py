import base64
import io
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pytest
import torch
from codebooks import MOVES, known_model, known_templates, strong_model
from PIL import Image
from playwright.sync_api import Browser, Page
from scipy.spatial.transform import Rotation
from video_files import real_frames, write_video

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.cli import main
from dfe_lib.encoding.view import encoded_clip, view_media
from dfe_lib.errors import UserError
from dfe_lib.io.assets import asset
from dfe_lib.io.media import Frame, MediaReader, open_media
from dfe_lib.io.tables import REAL, table_writer, tokens_schema
from dfe_lib.morphable.anny import anny_head
from dfe_lib.quantisation.rvqvae import RvqVae
from dfe_lib.report.pages import viewer as module
from dfe_lib.report.pages.page import write_page
from dfe_lib.report.pages.shown_clip import TURN, UNITS, ShownClip
from dfe_lib.report.pages.viewer import PIECE, clip_page, playable, write_pair, write_viewer

TIMES_MS = [0, 40, 80, 120, 160, 300, 340, 380, 420, 460, 500, 540]
"""Frame times with a gap, as phones make them."""
BOX = ("box_x_px", "box_y_px", "box_width_px", "box_height_px")
WITHOUT_WEBGL = """HTMLCanvasElement.prototype.getContext = ((old) => function (kind, ...rest) {
    return kind === 'webgl2' ? null : old.call(this, kind, ...rest); })(HTMLCanvasElement.prototype.getContext)"""
PICKED = (*range(4), *range(110, 118))
"""Frames of noface_face.mov: nobody, then somebody."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of a real clip: four without a face, then eight with one."""
    frames = real_frames("noface_face.mov", PICKED[-1] + 1)
    return write_video(tmp_path_factory.mktemp("clip") / "walk in.mp4", [frames[i].rgb for i in PICKED], TIMES_MS)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    known_model().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def index(clip: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return view_media(clip, tmp_path_factory.mktemp("page"), model)


@pytest.fixture(scope="module")
def encoded(clip: Path, model: Path) -> dict[str, np.ndarray]:
    """The table that the page shows."""
    with encoded_clip(clip, model) as shown:
        return next(shown.shown.batches(("words", "psi", *TURN, *UNITS, *BOX), 64))


@pytest.fixture(scope="module")
def opened(chromium: Browser, index: Path) -> Iterator[tuple[Page, list[str]]]:
    context = chromium.new_context(viewport={"width": 1000, "height": 900})
    context.set_offline(True)
    context.set_default_timeout(30_000)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(index.as_uri())
    page.wait_for_function("() => video.readyState >= 3")
    yield page, said
    context.close()


@pytest.fixture
def page(opened: tuple[Page, list[str]]) -> Page:
    page, _ = opened
    page.evaluate("video.pause(), viewer.go(0)")
    wait_for_picture(page)
    return page


def rows_of(tokens: np.ndarray, valid: np.ndarray | None = None) -> dict[str, np.ndarray]:
    count = len(tokens)
    there = np.ones(count, bool) if valid is None else valid
    return {"time_s": np.arange(count) / 25, "valid": there, "tokens": tokens, "error_mm": np.zeros(count)}


def made_page(folder: Path, model: RvqVae, tokens: np.ndarray, clip: str = "made") -> dict:
    """A page of tokens alone, without a video; what it reads."""
    data = clip_page(model, anny_head(), rows_of(tokens))
    write_page(folder / "index.html", "viewer", {"clip": clip, "video": "none.mp4"} | data)
    return data


def wait_for_picture(page: Page) -> None:
    page.wait_for_function("() => !video.seeking")


def shown(page: Page) -> int:
    return page.evaluate("viewer.frame")


def test_video_head_and_strip_open_from_disk_without_a_complaint(opened, index: Path) -> None:
    page, said = opened
    assert page.title() == "walk in and its tokens"
    assert page.evaluate("[video.videoWidth, video.error]") == [960, None]
    strip = np.asarray(Image.open(io.BytesIO(page.locator("#bands").screenshot())).convert("RGB")).astype(int)
    assert strip.std() > 10
    assert said == []
    assert sorted(path.name for path in index.parent.iterdir()) == ["clip.mp4", "index.html"]


@pytest.mark.parametrize("frame", [5, 11, 4])
def test_seeking_shows_that_frame_in_video_head_and_words(page: Page, frame: int) -> None:
    page.evaluate(f"viewer.go({frame})")
    wait_for_picture(page)
    start, end = (np.array([*TIMES_MS, 580]) / 1000)[[frame, frame + 1]]
    assert start <= page.evaluate("viewer.time") < end
    assert shown(page) == frame
    assert page.locator("#frame").inner_text().startswith(f"Frame {frame} at {start:.2f} s")
    tokens = page.evaluate("viewer.tokens")
    assert page.locator("#tokens li").count() == len(tokens) == 3
    psi = known_templates()[tokens].sum(0)
    moved = np.linalg.norm(anny_head().displacement_mm(psi), axis=1)
    np.testing.assert_allclose(page.evaluate("viewer.moved"), moved, atol=0.05)


def test_a_click_on_the_strip_goes_there(page: Page) -> None:
    box = page.locator("#strip").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.39, box["y"] + 5)  # 226 of 580 ms: the long frame
    assert shown(page) == 4
    cursor = page.locator("#cursor").bounding_box()
    assert (cursor["x"] - box["x"]) / box["width"] == pytest.approx(0.23 / 0.58, abs=0.02)


def test_the_keyboard_steps_through_the_frames(page: Page) -> None:
    strip = page.get_by_role("slider", name="Frame of the clip")
    for key, frame in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 11), ("Home", 0)):
        strip.press(key)
        assert shown(page) == frame
        assert strip.get_attribute("aria-valuenow") == str(frame)


def test_frames_without_a_face_are_gaps(page: Page) -> None:
    assert page.evaluate("viewer.tokens") is None
    assert page.locator("#frame").inner_text() == "Frame 0 at 0.00 s: no face"
    assert not page.locator("#head").is_visible()
    alpha = page.evaluate(
        """(() => { const pen = bands.getContext("2d"), y = bands.height / 6;
        return [0.02, 0.98].map((x) => pen.getImageData(x * bands.width, y, 1, 1).data[3]); })()"""
    )
    assert alpha == [0, 255]
    page.evaluate("viewer.go(6)")
    assert page.locator("#head").is_visible()


def test_playing_takes_head_and_strip_along(page: Page) -> None:
    page.evaluate("video.playbackRate = 1, video.play()")
    page.wait_for_function("() => video.ended", timeout=60_000)  # software decoding on a busy machine
    page.wait_for_function("() => viewer.frame === 11")


def test_pointing_at_the_strip_names_the_token(page: Page) -> None:
    box = page.locator("#strip").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 5)
    token = page.evaluate("viewer.go(10), viewer.tokens[0]")
    said = page.locator("#tip").inner_text()
    assert f"Stage 0, token {token}: " in said and said.split(": ")[1] in page.locator("#tokens").inner_text()


def test_a_frame_has_its_own_words_and_action_units_beside_the_picture(page: Page, encoded: dict) -> None:
    page.evaluate("viewer.go(8)")
    assert page.locator("#words").inner_text() == encoded["words"][8]
    shown_units = page.locator("#units output").all_inner_texts()
    assert shown_units == [f"{encoded[name][8]:.1f}" for name in UNITS]
    page.evaluate("viewer.go(0)")
    assert page.locator("#words").inner_text() == "" and set(page.locator("#units output").all_inner_texts()) == {"–"}


def test_a_pressed_unit_is_drawn_over_time(page: Page) -> None:
    unit = page.locator(".unit").nth(15)
    unit.click()
    ink = "curves.getContext('2d').getImageData(0, 0, curves.width, curves.height).data.reduce((a, b) => a + b, 0)"
    assert unit.get_attribute("aria-pressed") == "true" and page.evaluate(ink) > 0
    unit.click()
    assert unit.get_attribute("aria-pressed") == "false" and not page.locator("#curves").is_visible()


def test_the_head_turns_as_in_the_clip_when_asked(page: Page, encoded: dict) -> None:
    page.locator("#posed").check()
    page.evaluate("viewer.go(8)")
    turned = Rotation.from_euler("ZXY", page.evaluate("viewer.turned")[::-1], degrees=True)
    told = Rotation.from_euler("YXZ", [encoded[name][8] for name in TURN], degrees=True)
    assert np.degrees((turned * told.inv()).magnitude()) < 0.1
    page.locator("#posed").uncheck()
    assert page.evaluate("viewer.turned")[2] == 0


def test_the_shader_turns_by_yaw_then_pitch_then_roll(page: Page) -> None:
    """What the page draws with is the rotation that its three angles mean, read back from the graphics."""
    matrix = page.evaluate(
        """() => { viewer.look(30, 15, 20); const gl = head.getContext("webgl2");
        return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
            const program = gl.getParameter(gl.CURRENT_PROGRAM);
            done(Array.from(gl.getUniform(program, gl.getUniformLocation(program, "turn")))); }))); }"""
    )
    meant = Rotation.from_euler("ZXY", [20, 15, 30], degrees=True).as_matrix()
    np.testing.assert_allclose(np.reshape(matrix, (3, 3)).T, meant, atol=1e-5)


def test_next_goes_to_where_a_display_comes_again(chromium: Browser, tmp_path: Path) -> None:
    tokens = np.array([[12, 0, 0], [12, 21, 0], [0, 0, 0], [21, 0, 0], [13, 21, 0]])
    made_page(tmp_path, strong_model(), tokens)
    page = chromium.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    seen = []
    for _ in range(3):  # 12 and 13 are one display at two levels; after its last time comes its first
        page.locator("#tokens .next").first.click()
        seen.append(page.evaluate("viewer.frame"))
        page.evaluate(f"viewer.go({seen[-1]})")
    page.close()
    assert seen == [4, 0, 4]


def test_the_head_comes_back_after_the_graphics_were_lost(page: Page) -> None:
    page.evaluate("viewer.go(9)")
    usual, picture = page.locator("#turning").inner_text(), page.locator("#head").screenshot()
    page.evaluate("window.lost = head.getContext('webgl2').getExtension('WEBGL_lose_context'), lost.loseContext()")
    page.wait_for_function("() => turning.textContent.includes('took the graphics away')")
    assert not page.locator("#head").is_visible()  # rather than an empty panel
    page.evaluate("lost.restoreContext()")
    page.wait_for_function("text => turning.textContent === text", arg=usual)
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    assert difference(page.locator("#head").screenshot(), picture) < 1


def difference(one: bytes, other: bytes) -> float:
    first, second = (np.asarray(Image.open(io.BytesIO(each)).convert("RGB")).astype(float) for each in (one, other))
    return float(np.abs(first - second).mean())


def test_the_fitted_mesh_lies_on_the_face_and_can_be_taken_away(page: Page, encoded: dict) -> None:
    page.evaluate("viewer.go(8)")
    wait_for_picture(page)
    marks = anny_head().landmarks
    nose, chin = (marks.triangles[each, 0] for each in (1, 152))
    box = dict(zip(("x", "y", "w", "h"), (encoded[name][8] for name in BOX), strict=True))
    x, y = page.evaluate(f"viewer.pixel({nose})")
    assert abs(x - box["x"] - box["w"] / 2) < 0.25 * box["w"] and abs(y - box["y"] - box["h"] / 2) < 0.25 * box["h"]
    assert page.evaluate(f"viewer.pixel({chin})")[1] == pytest.approx(box["y"] + box["h"], abs=0.1 * float(box["h"]))
    page.evaluate("video.controls = false")
    there = page.locator(".screen").screenshot()
    page.locator("#meshed").uncheck()
    assert difference(there, page.locator(".screen").screenshot()) > 1
    page.evaluate("viewer.go(0)")  # nobody is there
    wait_for_picture(page)
    without = page.locator(".screen").screenshot()
    page.locator("#meshed").check()
    assert difference(without, page.locator(".screen").screenshot()) < 0.1


def test_the_eyes_look_where_the_fit_has_them_look(chromium: Browser, tmp_path: Path) -> None:
    psi = np.zeros((2, 52))
    psi[1, [ACTIONS.index(name) for name in ("eyeLookOutLeft", "eyeLookInRight")]] = 1.0
    rows = rows_of(np.zeros((2, 3), int)) | {"psi": psi}
    write_page(
        tmp_path / "index.html", "viewer", {"clip": "a", "video": "a"} | clip_page(known_model(), anny_head(), rows)
    )
    page = chromium.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    straight, aside = (np.array(page.evaluate(f"viewer.go({i}), viewer.points")).reshape(-1, 3) for i in (0, 1))
    moved, eye = page.evaluate("viewer.moved"), anny_head().region("left_eye")
    page.close()
    turned = anny_head().displacement_mm(psi[1])
    np.testing.assert_allclose(aside - straight, turned, atol=0.1)
    assert turned[eye].max() > 1 and max(moved) == 0  # the tokens move nothing, and the colours are theirs


def test_curves_are_in_mm(page: Page, encoded: dict) -> None:
    page.locator("#add").select_option(label="jawOpen")
    page.evaluate("viewer.go(8)")
    reach = np.linalg.norm(anny_head().expression[ACTIONS.index("jawOpen")], axis=1).max() * 1000
    told = page.locator("#drawn output").inner_text()
    assert float(told.removesuffix(" mm")) == pytest.approx(
        reach * encoded["psi"][8, ACTIONS.index("jawOpen")], abs=0.2
    )
    assert page.locator("#height").inner_text().endswith(" mm")
    page.locator("#drawn button").click()
    assert not page.locator("#curves").is_visible()


def test_words_units_and_strip_are_seen_without_scrolling(chromium: Browser, index: Path) -> None:
    page = chromium.new_page(viewport={"width": 1366, "height": 800})
    page.goto(index.as_uri())
    page.wait_for_function("() => video.readyState >= 1")
    page.evaluate("viewer.go(8)")
    for name in ("#video", "#head", "#words", "#tokens", "#units", "#bands"):
        box = page.locator(name).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 800, name
    page.close()


@pytest.mark.parametrize("width", [390, 1366, 1920])
def test_names_of_action_units_are_whole(chromium: Browser, index: Path, width: int) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 800})
    page.goto(index.as_uri())
    cut = "names => names.filter((name) => name.scrollWidth > name.clientWidth).map((name) => name.textContent)"
    assert page.locator(".unit").count() > 10 and page.locator(".unit span").evaluate_all(cut) == []
    page.close()


def test_ten_hours_are_a_page_of_less_than_twenty_megabytes(chromium: Browser, tmp_path: Path) -> None:
    """Tokens, words and units of a million frames: the page has the strip at once, and reads the rest in pieces."""
    table, count = long_table(tmp_path / "long.parquet"), 1_080_000
    clip = ShownClip(table, None, anny_head())
    video = write_video(tmp_path / "short.mp4", [np.zeros((48, 64, 3), np.uint8)] * 2)
    index = write_viewer(video, clip, tmp_path / "page", strong_model())
    (index.parent / "clip.mp4").unlink()  # of ten hours as well it would be
    pieces = sorted((index.parent / "rows").glob("*.js"))
    assert index.stat().st_size < 20e6 and len(pieces) == -(-count // PIECE)
    assert max(path.stat().st_size for path in pieces) < 2e6
    page = chromium.new_page(viewport={"width": 1366, "height": 800})
    page.set_default_timeout(120_000)
    page.goto(index.as_uri())
    page.wait_for_function("() => viewer.loaded.length === 1 && words.textContent === 'does 0'")
    for hour in (9.99, 3.0, 5.0, 7.0, 1.0, 2.0, 4.0):
        frame = int(hour * 3600 * 30)
        page.evaluate(f"viewer.go({frame})")
        page.wait_for_function(f"() => viewer.frame === {frame} && words.textContent === 'does {frame // 1000 % 4}'")
    assert len(page.evaluate("viewer.loaded")) <= 6
    page.locator(".unit").nth(3).click()
    high = page.evaluate("""(() => { const { width, height } = curves, pen = curves.getContext("2d");
        const row = pen.getImageData(0, Math.round(0.7 * height), width, 1).data;
        return [...Array(width).keys()].filter((x) => row[4 * x + 3] > 0).map((x) => x / width); })()""")
    page.close()
    assert np.mean(high) == pytest.approx(500_000 / count, abs=0.005)  # one frame of a million is seen


def long_table(path: Path) -> Path:
    """Ten hours at 30 frames a second; every thousand frames another display."""
    schema = pa.schema([*tokens_schema(3), pa.field("words", pa.string()),
                        *(pa.field(name, pa.float32()) for name in UNITS)])  # fmt: skip
    with table_writer(path, schema) as table:
        for start in range(0, 1_080_000, 20_000):
            frame = np.arange(start, start + 20_000)
            kind = frame // 1000 % 4
            key = {"clip_id": "a", "subject_id": "a", "face_id": 0, "frame": frame, "time_s": frame / 30, "data": REAL}
            rest = {
                "valid": np.ones(len(frame), bool),
                "tokens": np.stack([4 * kind + 3, kind, 0 * kind], 1),
                "error_mm": 0.5,
            }
            units = dict.fromkeys(UNITS, np.where(frame == 500_000, 2.0, 0.0))
            table.write(key | rest | units | {"words": np.char.add("does ", kind.astype(str)).astype(object)})
    return path


def test_two_clips_stand_side_by_side_and_go_together(chromium: Browser, index: Path, tmp_path: Path) -> None:
    for each in "12":
        shutil.copytree(index.parent, tmp_path / each)
    page = chromium.new_page(viewport={"width": 1366, "height": 800})
    page.goto(write_pair(["1", "2"], tmp_path, ["<b>one", "two"]).as_uri())
    assert page.title() == "<b>one and two"
    first, second = (page.frames[i + 1] for i in range(2))
    for frame in (first, second):
        frame.wait_for_function("() => window.viewer && video.readyState >= 3")
    video, head, strip = (first.locator(name).bounding_box() for name in ("#video", "#head", "#strip"))
    assert strip["y"] + strip["height"] < 800  # seen without scrolling
    assert abs(video["y"] - head["y"]) < 1 and head["x"] > video["x"] + video["width"]
    first.evaluate("viewer.go(7)")
    second.wait_for_function("() => viewer.frame === 7")
    page.locator("#together").uncheck()
    second.evaluate("viewer.go(3)")
    page.wait_for_function("() => pair.times[1] < 0.2")
    page.locator("#align").click()
    page.locator("#together").check()
    page.wait_for_timeout(500)  # what a clip was told to do it does not tell
    first.evaluate("viewer.go(10)")  # 0.52 s, and the second was 0.26 s behind
    second.wait_for_function("() => viewer.frame === 4")
    page.close()


def test_a_mesh_that_is_lost_does_not_hide_the_picture(chromium: Browser, index: Path) -> None:
    page = chromium.new_page()
    page.goto(index.as_uri())
    page.wait_for_function("() => video.readyState >= 3")
    lose = "mesh.getContext('webgl2').getExtension('WEBGL_lose_context')"
    page.evaluate(f"window.kept = {lose}, kept.loseContext()")
    page.wait_for_function("() => getComputedStyle(mesh).visibility === 'hidden'")
    page.evaluate("kept.restoreContext()")
    page.wait_for_function("() => getComputedStyle(mesh).visibility === 'visible'")
    page.close()


def head_seen(page: Page) -> np.ndarray:
    """Red, green, blue and opacity of the head's canvas."""
    page.wait_for_timeout(200)
    drawn = "new Promise((done) => requestAnimationFrame(() => done(head.toDataURL())))"
    uri = page.evaluate(f"viewer.look(-20, 4), {drawn}")  # within the frame in which it is drawn
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))).astype(float)


def test_without_webgl_the_head_is_drawn_as_with_it(chromium: Browser, index: Path) -> None:
    page, seen = chromium.new_page(), []
    for script in ("", WITHOUT_WEBGL):
        page.add_init_script(script)
        page.goto(index.as_uri())
        page.evaluate("viewer.go(8)")
        seen.append(head_seen(page))
    page.close()
    one, other = seen
    assert one.shape == other.shape and (one[..., 3] > 128).mean() > 0.1
    assert ((one[..., 3] > 128) != (other[..., 3] > 128)).mean() < 0.01
    both = (one[..., 3] > 250) & (other[..., 3] > 250)
    assert np.abs(one - other)[both][:, :3].mean() < 8


def test_without_webgl_the_rest_of_the_page_works(chromium: Browser, index: Path) -> None:
    page = chromium.new_page()
    page.add_init_script(WITHOUT_WEBGL)
    page.goto(index.as_uri())
    page.evaluate("viewer.go(8)")
    assert "no WebGL 2" in page.locator("#turning").inner_text()
    assert page.locator("#words").inner_text() and page.locator("#tokens li").count() == 3
    page.close()


def test_a_name_that_looks_like_markup_does_no_harm(chromium: Browser, tmp_path: Path) -> None:
    name = "<!--<script>&amp;</script>"
    made_page(tmp_path, strong_model(), np.zeros((1, 3), int), clip=name)
    page = chromium.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    assert page.title() == f"{name} and its tokens" and page.evaluate("viewer.frame") == 0
    page.close()


def test_the_player_fits_a_phone(chromium: Browser, index: Path) -> None:
    page = chromium.new_page(viewport={"width": 375, "height": 740})
    page.goto(index.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.close()


def test_on_a_phone_the_strip_lies_under_the_video(chromium: Browser, index: Path) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    page.goto(index.as_uri())
    page.wait_for_function("() => video.readyState >= 1")
    page.evaluate("viewer.go(8)")
    tops = [page.locator(name).bounding_box()["y"] for name in ("#video", "#strip", "#words", "#head", "#units")]
    assert tops == sorted(tops)
    strip = page.locator("#strip").bounding_box()
    assert strip["y"] + strip["height"] < 600
    page.close()


def test_tokens_of_every_stage_have_their_own_names_where_codebooks_are_separate() -> None:
    model = known_model(shared=False)
    tokens = np.array([[1, 2, 4], [3, 3, 3]])
    psi = np.zeros((2, 52), np.float32)
    data = clip_page(model, anny_head(), rows_of(tokens, valid=np.array([True, False])))
    assert data["books"] == [0, len(MOVES), 2 * len(MOVES)]
    assert len(data["names"]) == len(data["colours"]) == 3 * len(MOVES)
    assert list(base64.b64decode(data["tokens"])) == [1, 2, 4, 0, 0, 0] and list(base64.b64decode(data["valid"])) == [1]
    psi[0] = model.decode(torch.as_tensor(tokens[:1])).numpy()[0]
    assert data["pieces"][0]["faces"]["step"] == pytest.approx(psi.max() / 32767)


def test_weak_displays_are_faint_and_what_means_nothing_is_not_there(chromium: Browser, tmp_path: Path) -> None:
    data = made_page(tmp_path, strong_model(), np.array([[12, 21, 0], [15, 0, 0], [0, 0, 0]]))
    assert data["labels"][12:16] == ["3 A", "3 B", "3 C", "3 D"] and data["labels"][0] == "at rest"
    assert [colour[3] for colour in data["colours"][12:16]] == sorted({colour[3] for colour in data["colours"][12:16]})
    assert data["colours"][0][3] == 0 and len({tuple(colour[:3]) for colour in data["colours"][12:16]}) == 1
    page = chromium.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    said = page.locator("#tokens li").all_inner_texts()
    assert [each.split(":")[0] for each in said] == ["3 A", "5 B"] and said[1].startswith("5 B: Both eyes close")
    page.evaluate("viewer.go(2)")
    assert page.locator("#tokens li").all_inner_texts() == ["At rest: no token moves the face"]
    page.close()


def test_what_browsers_do_not_play_is_encoded_anew_at_the_true_times(clip: Path, tmp_path: Path) -> None:
    frames = [frame.rgb[:-1, :-1] for frame in real_frames("single_face.mp4", 6)]
    old = write_video(tmp_path / "old.avi", [frame[:-1, :-1] for frame in frames])
    assert playable(clip) and not playable(asset("face_noface.mov")) and not playable(old)
    name = module._video(old, tmp_path)
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        times = [frame.time for frame in container.decode(stream)]
    np.testing.assert_allclose(times, np.arange(6) / 25, atol=1e-3)
    assert name == "clip.mp4" and playable(tmp_path / name)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_clip_that_starts_late_is_in_step(chromium: Browser, tmp_path: Path, suffix: str) -> None:
    """As it is, and encoded anew."""
    late = write_video(tmp_path / f"a{suffix}", [frame.rgb for frame in real_frames("single_face.mp4", 6)],
                       [500 + 40 * i for i in range(6)])  # fmt: skip
    with open_media(late) as reader:
        times = np.array([frame.time_s for frame in reader.frames])
    rows = rows_of(np.zeros((6, 3), int), valid=np.zeros(6, bool)) | {"time_s": times}
    video = {"clip": "late", "video": module._video(late, tmp_path / "page")}
    write_page(tmp_path / "page" / "index.html", "viewer", video | clip_page(known_model(), anny_head(), rows))
    page = chromium.new_page()
    page.goto((tmp_path / "page" / "index.html").as_uri())
    page.wait_for_function("() => video.readyState >= 3")
    page.evaluate("viewer.go(3)")
    wait_for_picture(page)
    page.wait_for_function("() => viewer.frame === 3")
    assert 0.62 <= page.evaluate("viewer.time") < 0.66
    page.close()


def test_frames_that_share_a_millisecond_follow_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = (0, 0.04, 0.04, 0.0402, 0.08)
    pictures = real_frames("single_face.mp4", len(seconds))
    frames = (Frame(i, float(time), pictures[i].rgb) for i, time in enumerate(seconds))
    reader = MediaReader(tmp_path / "a.avi", still=False, expected=len(seconds), frames=frames)
    monkeypatch.setattr(module, "open_media", lambda path: nullcontext(reader))
    module._encode(tmp_path / "a.avi", tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    np.testing.assert_allclose(times, [0, 0.04, 0.041, 0.042, 0.08], atol=1e-4)


def test_what_cannot_be_shown_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(UserError, match="is a picture"):
        view_media(asset("single_face.jpg"), tmp_path)
    assert main(["view", str(tmp_path / "absent.mp4"), "-o", str(tmp_path / "page")]) == 1
    assert capsys.readouterr().err == f"dfe: {tmp_path / 'absent.mp4'} does not exist.\n"
    assert not (tmp_path / "page").exists()

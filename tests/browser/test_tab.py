"""The tab in a browser: every page of every sort of run, by mouse and keyboard, wide and narrow."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from alexprof.analysis.division import divide
from alexprof.record.store import load_run
from alexprof.show.pages import PAGES
from alexprof.show.palette import DARK, LIGHT
from tests.browser.conftest import UPDATE, serve
from tests.browser.tab import HOSTILE, Tab

pytestmark = pytest.mark.slow
RUNS = ("alexnet", "imported", "hostile", "incomplete", "damaged", "gpu")


BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
"""How many pixels the page is too wide."""
OVERLAPS = """() => {
  const parts = [...document.querySelectorAll(
    '.controls button, .controls select, main > *, main .columns > div > *')]
    .filter((part) => !part.matches('.columns'))
    .map((part) => [part, part.getBoundingClientRect(), part.closest('.top')])
    .filter(([, box]) => box.width && box.height);
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
    && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const pairs = parts.flatMap((x, place) => parts.slice(place + 1).map((y) => [x, y]));
  return pairs
    .filter(([x, y]) => x[2] === y[2] && !x[0].contains(y[0]) && !y[0].contains(x[0]))
    .filter(([x, y]) => meet(x[1], y[1]))
    .map(([x, y]) => `${x[0].tagName}.${x[0].className} ${y[0].tagName}.${y[0].className}`);
}"""
"""Which blocks and controls lie on each other."""


def skip_absent(logdir, run):
    if not (logdir / run).exists():
        pytest.skip(f"no run {run}: its trace is not here")


@pytest.mark.parametrize("run", RUNS)
def test_every_page_is_drawn(tab, logdir, run):
    skip_absent(logdir, run)
    tab.expected = "status of 500" if run == "damaged" else ""
    frame = tab.open(run=run)
    for number, page in enumerate(PAGES, start=1):
        show(tab, frame, number)
        text = frame.text_content("main")
        assert frame.query_selector("main h2.lead, main .warn"), page
        assert "The chart can't be drawn" not in text, page
        assert "AlexProf has a fault" not in text, page


def show(tab, frame, number):
    """Goes to a page by its number's key."""
    name = list(PAGES)[number - 1]
    tab.page.keyboard.press(str(number))
    frame.wait_for_function(f"document.querySelector('main').dataset.page === '{name}'")
    tab.drawn(frame)


def numbers_of(frame, column):
    """The numbers of a column of the main table, its sum last."""
    rows = frame.query_selector_all(".table table tbody tr:not(.below)")
    heads = [head.inner_text().split("\n")[0] for head in frame.query_selector_all(".table th")]
    place = heads.index(column)
    texts = [row.query_selector_all("td")[place].inner_text() for row in rows]
    return [float(text.strip().replace("−", "-").lstrip("<") or 0) for text in texts]


@pytest.mark.parametrize("roll", ["", "kind", "pass", "op"])
def test_the_rows_add_up_to_the_step_of_the_record(tab, logdir, roll):
    run = load_run(logdir / "alexnet")
    variant, key = "with_lrn", "forward_backward"
    division = divide(run, variant, key)
    frame = tab.open(page="where", run="alexnet", phase=key, roll=roll)
    *rows, total = numbers_of(frame, "share")
    per_second = {"ms": 1e3, "s": 1.0, "µs": 1e6}[frame.inner_text(".table th:nth-child(3) small")]
    assert total == pytest.approx(division.step_s * per_second, rel=0.005)
    assert sum(rows) == pytest.approx(total, rel=0.01)
    *fractions, whole = numbers_of(frame, "step")
    assert whole == 100
    assert sum(fractions) == pytest.approx(100, abs=0.5)


def test_lrn_is_on_the_first_screen(tab, logdir):
    """One click from TensorBoard: what LRN takes, measured and attributed, above the fold."""
    tab.page.goto(tab.address)
    tab.page.get_by_text("AlexProf", exact=True).first.click()
    frame = tab.frame()
    frame.select_option("select[data-name=run]", "alexnet")
    frame.wait_for_function("document.querySelector('main').textContent.includes('LRN')")
    text = "In the trace, LRN takes"
    box = frame.get_by_text(text).bounding_box()
    assert box["y"] + box["height"] < 800
    table = frame.query_selector(".table").bounding_box()
    assert table["y"] + 80 < 800


def test_a_link_restores_what_is_shown(tab, chromium):
    frame = tab.open_framed(run="alexnet")
    frame.click("h1")  # keys go where the mouse was
    frame.press("h1", "2")
    frame.wait_for_selector(".main-filter")
    frame.get_by_role("button", name="Op", exact=True).click()
    frame.wait_for_function("document.querySelector('.table h3').textContent === 'By op'")
    frame.fill(".main-filter", "conv2")
    frame.get_by_role("button", name=re.compile("^share")).click()
    frame.press("h1", "u")
    frame.wait_for_function(
        "document.querySelector('.table th:nth-child(3) small').textContent === '%'"
    )
    tab.drawn(frame)
    shown = frame.inner_text("main")
    for part in ("page=where", "roll=op", "q=conv2", "sort=-share", "unit=%25"):
        assert f"p.alexprof.{part}" in tab.url
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    other = Tab(context, tab.address)
    other.page.goto(tab.url)
    assert other.frame().inner_text("main") == shown
    context.close()
    assert other.faults == []


def test_names_stay_text(tab):
    frame = tab.open(run="hostile")
    for number, page in enumerate(PAGES, start=1):
        show(tab, frame, number)
        assert not frame.query_selector_all("main img, main script, main iframe")
        assert tab.page.title() == "AlexProf"
        assert frame.evaluate(BEYOND) <= 0, page
    frame = tab.open(page="where", run="hostile", roll="layer")
    text = frame.inner_text("main")
    assert "<img src=x onerror=" in text
    assert HOSTILE[1] in text


@pytest.mark.parametrize("width", [390, 768, 1280, 1920])
@pytest.mark.parametrize("page", PAGES)
def test_no_sideways_scroll_and_no_overlap(tab, page, width):
    tab.page.set_viewport_size({"width": width, "height": 800})
    frame = tab.open(page=page, run="alexnet", phase="forward_backward")
    beyond = frame.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert beyond <= 0
    overlaps = frame.evaluate(OVERLAPS)
    assert overlaps == []


def rgb(color):
    return f"rgb({', '.join(str(int(color[at : at + 2], 16)) for at in (1, 3, 5))})"


def test_light_and_dark(tab):
    frame = tab.open_framed(run="alexnet")
    paper = "getComputedStyle(document.body).backgroundColor"
    assert frame.evaluate(paper) == rgb(LIGHT["bg"])
    frame.click("h1")
    frame.press("h1", "t")
    assert frame.evaluate(paper) == rgb(DARK["bg"])
    assert "p.alexprof.theme=dark" in tab.url
    assert tab.open_framed("?darkMode=true").evaluate(paper) == rgb(DARK["bg"])


def test_by_keyboard_alone(tab):
    frame = tab.open(run="alexnet")
    frame.focus("body")
    tab.page.keyboard.press("2")
    frame.wait_for_selector(".main-filter")
    tab.drawn(frame)
    tab.page.keyboard.press("p")
    frame.wait_for_function("document.querySelector('h1').textContent.includes('forward-backward')")
    tab.drawn(frame)
    tab.page.keyboard.press("/")
    assert frame.evaluate("document.activeElement.className").startswith("filter")
    tab.page.keyboard.type("conv1")
    assert re.search(r"\d+ of \d+ rows", frame.inner_text(".count"))
    tab.page.keyboard.press("Escape")
    frame.focus(".chart")
    tab.page.keyboard.press("ArrowRight")
    told = frame.inner_text(".told")
    assert "conv1" in told
    tab.page.keyboard.press("ArrowRight")
    assert frame.inner_text(".told") != told
    frame.focus(".opener")
    tab.page.keyboard.press("Enter")
    frame.wait_for_selector(".detail table")
    tab.page.keyboard.press("5")
    frame.wait_for_selector("canvas")
    tab.drawn(frame)
    frame.focus("canvas")
    tab.page.keyboard.press("ArrowDown")
    assert "long, share" in frame.inner_text(".lanes .told")
    tab.page.keyboard.press("+")
    tab.page.wait_for_function("location.hash.includes('p.alexprof.zoom=')")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_serious_fault_of_accessibility(tab, theme):
    from axe_playwright_python.sync_playwright import Axe

    frame = tab.open(run="alexnet", theme=theme)
    for number, page in enumerate(PAGES, start=1):
        show(tab, frame, number)
        serious = [
            f"{fault['id']}: {[node['html'][:120] for node in fault['nodes'][:3]]}"
            for fault in Axe().run(tab.page).response["violations"]
            if fault["impact"] in ("serious", "critical")
        ]
        assert serious == [], page


def test_a_run_that_is_written_meanwhile_appears(chromium, logdir, tmp_path):
    empty = tmp_path / "logdir"
    empty.mkdir()
    server = serve(empty)
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    tab = Tab(context, next(server))
    frame = tab.open()
    assert "no run yet" in frame.inner_text("main")
    shutil.copytree(logdir / "imported", empty / "imported")
    frame.wait_for_function(
        "document.querySelector('main h2').textContent.includes('step takes')", timeout=60_000
    )
    context.close()
    server.close()
    assert tab.faults == []


def test_a_link_to_a_run_that_is_gone_says_so(tab):
    frame = tab.open(run="gone")
    assert "no run gone" in frame.inner_text("main")


def test_files_of_a_run_are_saved(tab):
    frame = tab.open(page="sure", run="imported")
    links = frame.query_selector_all(".links a")
    assert len(links) == 7
    for link in links:
        with tab.page.expect_download() as saved:
            link.click()
        path = saved.value.path()
        assert saved.value.suggested_filename.startswith("imported.")
        assert path.stat().st_size > 0


PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


@pytest.mark.parametrize("page", ["cost", "where", "when"])
def test_pictures_of_the_documentation(tab, page, tmp_path):
    """Pictures stay small; ALEXPROF_UPDATE_PICTURES=1 makes those in docs/ anew."""
    frame = tab.open_framed(run="alexnet", page=page, phase="forward_backward")
    frame.wait_for_selector("main h2")
    picture = tmp_path / f"{page}.png"
    tab.page.screenshot(path=picture)
    assert 10_000 < picture.stat().st_size < 250_000
    assert (PICTURES / picture.name).exists()
    if UPDATE:
        shutil.copy(picture, PICTURES / picture.name)

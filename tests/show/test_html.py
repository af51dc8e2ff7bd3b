"""One file to send: every page with its charts, that needs no network and no script."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from alexprof.record.parquet import Tables
from alexprof.record.store import load_run
from alexprof.show.pages import PAGES
from alexprof.show.pages.html import html_report
from alexprof.show.pages.view import Source
from alexprof.tracer.importing import import_trace
from alexprof.tracer.run import load_run as load_public
from tests.analysis.made import made_run
from tests.command_line import call
from tests.trace_runs import write_trace

HOSTILE = '</svg></style><script>alert(1)</script><img src="x" onerror="a()">'
VOID = {"meta", "img", "br", "link", "hr", "input"}


class Outline(HTMLParser):
    """Elements as a browser meets them; fails where ends don't match."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def outline(text):
    parser = Outline()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    place = tmp_path_factory.mktemp("html")
    trace = write_trace(place / "vm.xplane.pb", steps=4, sorts=("train", "eval"))
    import_trace(str(trace), logdir=place, name="run")
    return place / "run"


@pytest.fixture(params=["imported", "hostile"])
def report(request, imported, tmp_path):
    folder = imported
    if request.param == "hostile":
        folder = tmp_path / "run"
        made_run(folder, {"v": 0.1, "w": 0.2}, ops={HOSTILE: 0.5, "x" * 10_000: 0.1})
    run = load_run(folder)
    return html_report(Source(run, Tables(run, folder)))


def test_every_page_is_in_it_and_nothing_comes_from_elsewhere(report):
    page = outline(report)
    sections = [attributes["id"] for tag, attributes in page.seen if tag == "section"]
    assert sections == list(PAGES)
    tags = {tag for tag, _ in page.seen}
    assert not tags & {"script", "img", "link", "iframe", "object", "base", "foreignobject"}
    assert not [name for _, attributes in page.seen for name in attributes if name.startswith("on")]
    links = [attributes["href"] for tag, attributes in page.seen if "href" in attributes]
    assert all(link.startswith("#") for link in links)
    urls = re.findall(r"url\(([^)]*)\)", report)
    assert all(url.startswith("#") for url in urls)
    assert len(report) < 4_000_000


def test_what_charts_refer_to_is_there_once(report):
    page = outline(report)
    ids = [attributes["id"] for _, attributes in page.seen if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]*)\)", report)) <= set(ids)


def test_colors_are_those_of_the_page(report):
    names = set(re.findall(r"var\(--([a-z0-9-]+)\)", report))
    assert names <= set(re.findall(r"--([a-z0-9-]+):", report))
    assert "@media print" in report


def test_the_command_writes_page_and_picture(imported, tmp_path):
    html, png = tmp_path / "run.html", tmp_path / "run.png"
    done = call("report", imported, "--html", html, "--png", png)
    assert done.returncode == 0, done.stderr
    outline(html.read_text())
    assert png.read_bytes().startswith(b"\x89PNG")
    (trace,) = imported.rglob("*.xplane.pb")
    assert call("report", trace, "--html", html).returncode == 0
    assert "When does it run?" in html.read_text()


def test_a_notebook_shows_a_chart(imported):
    shown = load_public(imported)._repr_html_()
    outline(shown)
    assert "<svg" in shown
    assert "var(--" not in shown

"""The AlexProf tab of TensorBoard: its routes. What pages say comes from `show.pages`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorboard import plugin_util
from tensorboard.plugins import base_plugin
from werkzeug.wrappers import Request, Response

from alexprof.errors import UsageError, check_name
from alexprof.tensorboard import payload
from alexprof.tensorboard.http import (
    NotFound,
    Route,
    download,
    guarded,
    respond,
    respond_json,
)
from alexprof.tensorboard.runs import Listed, Runs

if TYPE_CHECKING:
    from alexprof.show.pages.view import OtherRun, PageView, Source

_STATIC = Path(__file__).with_name("static")
_TYPES = {".js": "text/javascript", ".css": "text/css"}


class AlexProfPlugin(base_plugin.TBPlugin):  # type: ignore[misc]
    """Serves the dashboard's page, and answers for the runs of the logdir."""

    plugin_name = payload.PLUGIN

    def __init__(self, context: base_plugin.TBContext) -> None:
        """Takes what TensorBoard gives to plugins."""
        self._runs = Runs(context)

    def is_active(self) -> bool:
        """Says no: TensorBoard itself sees whether there are summaries for the plugin."""
        return False

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """Names the tab and its module."""
        return base_plugin.FrontendMetadata(es_module_path="/index.js", tab_name="AlexProf")

    def get_plugin_apps(self) -> dict[str, Any]:
        """The routes by path."""
        files = [path for path in _STATIC.iterdir() if path.suffix in _TYPES]
        routes: dict[str, Route] = {f"/{path.name}": _file(path) for path in files}
        routes |= {
            "/palette.css": _palette,
            "/patterns.svg": _patterns,
            "/vega.js": _vega,
            "/data/runs": self._list,
            "/data/page": self._page,
            "/data/detail": self._detail,
            "/data/timeline": self._timeline,
            "/data/export": self._export,
            "/data/html": self._html,
        }
        return {path: guarded(route) for path, route in routes.items()}

    def _listed(self, request: Request) -> dict[str, Listed]:
        ctx = plugin_util.context(request.environ)
        return self._runs.listed(ctx, plugin_util.experiment_id(request.environ))

    def _list(self, request: Request) -> Response:
        from alexprof.show.pages import PAGES

        runs = [{"name": run.name, "head": run.head} for run in self._listed(request).values()]
        pages = [
            {"name": name, "label": page.label, "variant": page.variant, "unit": page.unit}
            for name, page in PAGES.items()
        ]
        return respond_json(request, {"runs": runs, "pages": pages})

    def _page(self, request: Request) -> Response:
        from alexprof.show.pages import PAGES
        from alexprof.show.pages.values import page_values

        name = request.args.get("page", next(iter(PAGES)))
        check_name("page", name, PAGES)
        view = self._view(request)
        with view.colored():
            return respond_json(request, page_values(PAGES[name].make(view)))

    def _detail(self, request: Request) -> Response:
        from alexprof.show.pages.detail import row_detail
        from alexprof.show.pages.values import block_values

        view = self._view(request)
        with view.colored():
            blocks = row_detail(view, request.args.get("key", ""))
            return respond_json(request, {"blocks": block_values(blocks)})

    def _timeline(self, request: Request) -> Response:
        from alexprof.analysis.timelines import critical_ops
        from alexprof.tensorboard.timeline import encode_step

        view = self._view(request)
        timeline = view.timeline(view.variant, view.key)
        phase = view.phase(view.variant, view.key)
        critical = critical_ops(phase) if phase else ()
        try:
            with view.colored():
                content = encode_step(timeline, view.choices.step, critical)
        except IndexError:
            count = timeline.wall_ps.size
            raise UsageError(f"no step {view.choices.step}: there are {count}, from 0 on") from None
        return respond(request, content, "application/octet-stream")

    def _export(self, request: Request) -> Response:
        from alexprof.export import FORMATS
        from alexprof.export.selected import Selected

        name = request.args.get("format", "")
        check_name("format", name, FORMATS)
        view = self._view(request)
        chosen = view.choices.variant or None, view.choices.phase or None
        file = io.BytesIO()
        FORMATS[name].write(Selected(view.run, view.tables, *chosen), file)
        file_name = f"{view.run.run}{FORMATS[name].suffix}"
        return download(file.getvalue(), FORMATS[name].media_type, file_name)

    def _html(self, request: Request) -> Response:
        from alexprof.show.pages.html import html_report
        from alexprof.show.pages.view import Source

        view = self._view(request)
        content = html_report(Source(view.run, view.tables)).encode()
        return download(content, "text/html", f"{view.run.run}.html")

    def _view(self, request: Request) -> PageView:
        """The run that a request names, as its other parameters choose."""
        from alexprof.show.pages.view import Choices, PageView

        choices = Choices.parse(dict(request.args))
        listed = self._listed(request)
        source = self._load(request, listed, request.args.get("run", ""))
        run = request.args.get("run", "")
        others = tuple(self._others(request, listed, run))
        view = PageView.of(source, choices, others, run, self._runs.timeline)
        if choices.against and not view.is_known(choices.against):
            raise NotFound(f"run {run} has no variant, and TensorBoard no run {choices.against!r}")
        return view

    def _others(self, request: Request, listed: dict[str, Listed], name: str) -> Iterator[OtherRun]:
        """What a run can be compared with."""
        from alexprof.show.pages.view import OtherRun

        for other, held in listed.items():
            if other != name:
                head = held.head
                load = partial(self._load, request, listed, other)
                yield OtherRun(other, head.started, head.workload, head.is_trace, load)

    def _load(self, request: Request, listed: dict[str, Listed], name: str) -> Source:
        """A run and its tables; a `NotFound` if TensorBoard knows none of that name."""
        if name not in listed:
            raise NotFound(f"TensorBoard has no run {name!r} by AlexProf")
        ctx = plugin_util.context(request.environ)
        return self._runs.load(ctx, plugin_util.experiment_id(request.environ), listed[name])


def _file(path: Path) -> Route:
    return lambda request: respond(request, path.read_bytes(), _TYPES[path.suffix])


def _palette(request: Request) -> Response:
    from alexprof.show.palette import style_sheet

    return respond(request, style_sheet().encode(), _TYPES[".css"])


def _patterns(request: Request) -> Response:
    from alexprof.show.svg import patterns

    drawn = f'<svg xmlns="http://www.w3.org/2000/svg" aria-hidden="true">{patterns()}</svg>'
    return respond(request, drawn.encode(), "image/svg+xml")


def _vega(request: Request) -> Response:
    from alexprof.tensorboard.vega import script_path

    return respond(request, script_path().read_bytes(), _TYPES[".js"])

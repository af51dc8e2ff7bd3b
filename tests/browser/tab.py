"""The AlexProf tab as a test sees it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

HOSTILE = (
    '<img src=x onerror="document.title=1">"\'&\u202e',
    "<svg onload=document.title=1>${7*7}{{7*7}}",
)
"""Names of layers that must stay text."""
_OF_TENSORBOARD = ("Multiple instances of Three.js",)
WAIT_MS = 20_000


class Tab:
    """A window with TensorBoard's AlexProf tab."""

    def __init__(self, context: Any, address: str) -> None:
        self.address = address
        self.faults: list[str] = []
        self.expected = ""  # A fault of this text is none
        self.page = context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", self._request)
        self.page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))

    def _console(self, message: Any) -> None:
        known = (*_OF_TENSORBOARD, *filter(None, [self.expected]))
        if message.location.get("url", "").endswith("/favicon.ico"):
            return
        if message.type in ("error", "warning") and not any(text in message.text for text in known):
            self.faults.append(f"{message.type}: {message.text}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"request: {request.url}")

    def open(self, **state: str) -> Any:
        """Opens a page of a run by itself, as TensorBoard's frame has it; returns it drawn."""
        return self._opened(f"{self.address}/data/plugin_entry.html?name=alexprof#", state)

    def open_framed(self, query: str = "", **state: str) -> Any:
        """Opens a page of a run in TensorBoard, and returns its frame, drawn."""
        return self._opened(f"{self.address}/{query}#alexprof", state)

    def _opened(self, start: str, state: dict[str, str]) -> Any:
        parts = [f"p.alexprof.{name}={quote(value, safe='')}" for name, value in state.items()]
        self.page.goto("about:blank")
        self.page.goto("&".join([start, *parts]))
        return self.frame()

    def frame(self) -> Any:
        """The tab's frame, drawn."""
        frame = self.page.main_frame
        if "plugin_entry" not in self.page.url:
            element = self.page.wait_for_selector("iframe", timeout=WAIT_MS)
            frame = element.content_frame()
        frame.wait_for_selector("main h1", timeout=WAIT_MS)
        self.drawn(frame)
        return frame

    def drawn(self, frame: Any) -> None:
        """Waits until all charts are there."""
        frame.wait_for_function(
            """() => !document.querySelector('.loading') &&
            [...document.querySelectorAll('.chart, .lanes')].every((place) =>
              place.hasAttribute('data-drawn') || place.querySelector('[role=alert]'))""",
            timeout=WAIT_MS,
        )

    @property
    def url(self) -> str:
        """What stands in the address bar."""
        return str(self.page.url)

"""Answers of the dashboard's routes: compressed, cached by content, errors as plain words."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from tensorboard.backend import http_util
from werkzeug.http import dump_options_header
from werkzeug.wrappers import Request, Response

from alexprof.errors import AlexProfError, UsageError

Route = Callable[[Request], Response]


class NotFound(AlexProfError):  # noqa: N818 (it is an answer)
    """There is no run of that name."""


def respond(request: Request, content: bytes, content_type: str, code: int = 200) -> Response:
    """Answers with some bytes; with 304 and none if the browser has them."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    if code == 200 and tag in request.headers.get("If-None-Match", ""):
        return Response(status=304, headers={"ETag": tag, "Cache-Control": "no-cache"})
    response: Response = http_util.Respond(
        request, content, content_type, code=code, headers=[("ETag", tag)]
    )
    return response


def respond_json(request: Request, values: Any, code: int = 200) -> Response:
    """Answers with JSON."""
    return respond(request, msgspec.json.encode(values), "application/json", code)


def download(content: bytes, media_type: str, name: str) -> Response:
    """Answers with a file to save, under a name that may have any letters (RFC 6266)."""
    disposition = dump_options_header("attachment", {"filename": name})
    headers = {"Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"}
    return Response(content, content_type=media_type, headers=headers)


def guarded(route: Route) -> Any:
    """A route as a WSGI application whose errors are answers with a plain sentence."""

    @Request.application
    def application(request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return respond_json(request, {"error": "only GET is answered"}, 405)
        try:
            return route(request)
        except NotFound as error:
            return respond_json(request, {"error": str(error)}, 404)
        except UsageError as error:
            return respond_json(request, {"error": str(error)}, 400)
        except AlexProfError as error:
            return respond_json(request, {"error": str(error)}, 500)
        except Exception as error:  # a fault of ours: TensorBoard goes on, and its log has it
            logging.getLogger(__name__).exception("AlexProf failed to answer %s", request.url)
            text = f"AlexProf has a fault ({type(error).__name__}): TensorBoard's log has more"
            return respond_json(request, {"error": text}, 500)

    return application

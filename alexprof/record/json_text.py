"""Records as JSON that can be read in a terminal."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

_NOT_ASCII = re.compile(r"[^\n -~]+")
_HALVES = re.compile("[\ud800-\udfff]")  # halves of surrogate pairs


def json_text(record: msgspec.Struct, indent: int, **more: msgspec.Struct) -> str:
    r"""Writes a record as an indented JSON object, with `more` fields at its end.

    Unprintable characters such as U+009B or U+202E are escaped (`\u009b`): the values are the same.
    Half a surrogate pair (part of a name that isn't UTF-8) is not text, and becomes "?".
    """
    content = _encoded(record)
    for name, value in more.items():
        content = b'%b,"%b":%b}' % (content[:-1], name.encode(), _encoded(value))
    text = msgspec.json.format(content, indent=indent).decode()
    if text.isascii() and "\x7f" not in text:
        return text
    return _NOT_ASCII.sub(_escaped, text)


def _encoded(record: msgspec.Struct) -> bytes:
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:
        return msgspec.json.encode(_whole(msgspec.to_builtins(record)))


def _whole(value: Any) -> Any:
    """Replaces halves of surrogate pairs in plain values."""
    if isinstance(value, str):
        return _HALVES.sub("?", value)
    if isinstance(value, dict):
        return {_whole(key): _whole(part) for key, part in value.items()}
    return [_whole(part) for part in value] if isinstance(value, list) else value


def _escaped(match: re.Match[str]) -> str:
    # One by one: two escaped halves would make a character again.
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in match[0])

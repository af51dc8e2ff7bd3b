"""Builds wheels of AlexProf: setuptools' way, with Vega's script among the dashboard's files.

A build backend (PEP 517) named in pyproject.toml. An editable install has no script: it is made
when it is first asked for (`vega.script_path`).
"""

from __future__ import annotations

from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

from alexprof.tensorboard.vega import PACKAGED, make_script

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """What a wheel needs beside setuptools."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), "vl-convert-python>=1.9"]


def build_wheel(
    wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None
) -> str:
    """Builds a wheel that has the script; returns its name."""
    was_there = PACKAGED.exists()
    if not was_there:
        make_script(PACKAGED)
    try:
        name: str = build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
        return name
    finally:
        if not was_there:
            PACKAGED.unlink()

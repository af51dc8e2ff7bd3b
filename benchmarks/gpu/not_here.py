"""A part that this machine has nothing to run on."""

from __future__ import annotations


class NotHere(Exception):  # noqa: N818 (no error: a row that says why)
    """Why a part can't run on this machine, in a few words."""

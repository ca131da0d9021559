"""Engines: one module of glue each, chosen by name."""

from .base import ABILITIES, Backend, BackendInfo, Pulse, no_pulse
from .registry import backends, check, check_families, find, get, register, serving, version
from .tuning import Settings, chosen

__all__ = [
    "ABILITIES",
    "Backend",
    "BackendInfo",
    "Pulse",
    "Settings",
    "backends",
    "check",
    "check_families",
    "chosen",
    "find",
    "get",
    "no_pulse",
    "register",
    "serving",
    "version",
]

"""`--backend auto`: the best of the engines that are installed, for the kind of app that there is.

It is not the default: what happens to be installed would then decide how a site is served. The first engine of `ORDER` is
taken that is installed, honours every option that was given, and fits: greenlets where they are asked for, by `--spawn` or by
an app that has patched the standard library itself, and nowhere else, as they change how an app works.
"""

import _thread

from ..config import Config
from ..errors import BackendError
from .registry import check, find, version

AUTO = "auto"
ORDER: dict[str, dict[str, str]] = {
    "wsgi": {
        "fast": "it is strict, no slow client holds one of its threads, and it comes along",
        "fastgevent": "it is strict, has greenlets, and costs a fraction of what gevent does",
        "gevent": "it has greenlets",
    },
    "asgi": {
        "uvicorn": "it is strict, and most ASGI apps are made with it",
        "hypercorn": "it is strict, and speaks HTTP/2 too",
    },
    "tornado": {"tornado": "no other serves them"},
}
"""The engines of each kind of app, the best first, and why it is there. All of them have a pulse and strict framing."""


def best(kind: str, config: Config) -> str:
    """The best engine that is installed for apps of a kind. Raises BackendError."""
    if config.option:
        raise BackendError("--option: a setting is for one engine. Name that one with --backend, in place of auto.")
    missing, refusals = [], []
    for info in map(find, ORDER[kind]):
        if kind == "wsgi" and info.monkey != _wants_greenlets(config):
            continue
        try:
            check(info, config)
        except BackendError as error:
            refusals.append(error)
            continue
        if version(info) is not None:
            return info.name
        missing.append(info.install)
    if missing:
        raise BackendError(f"--backend auto: no engine that would fit is installed: {missing[0]}")
    raise refusals[0]


def _wants_greenlets(config: Config) -> bool:
    return config.spawn is not None or _thread.start_new_thread.__module__ != "_thread"

"""Is this object a WSGI app? Told from its signature, before the first request fails for want of it.

PEP 3333: an app is called as `app(environ, start_response)`. A signature that cannot be read is given the benefit of the
doubt. ASGI apps are recognised by being coroutine functions, or by their three arguments `scope, receive, send`.
"""

import inspect
from typing import Any


def why_not_wsgi(text: str, found: Any) -> str:
    """Why `found` is no WSGI app, as the rest of a sentence that begins with `text`; empty if it is one."""
    if not callable(found):
        return f"is no app but {_described(found)}: a WSGI app is called as app(environ, start_response)."
    if _is_asgi(found):
        return (
            "is an ASGI app, and the engine serves WSGI. "
            "Wrap it in the app's own module: a2wsgi.ASGIMiddleware(app), from `pip install a2wsgi`."
        )
    fits = _takes(found, 2)
    if isinstance(found, type) and not (fits and hasattr(found, "__iter__")):
        return f"is a class, not an app: name an instance of it, or write {text}() to make one."
    if not fits and _takes(found, 0):
        return f"takes no arguments, so it makes the app: write {text}() or add --factory."
    if not fits:
        return f"cannot be called as app(environ, start_response): its signature is {inspect.signature(found)}."
    return ""


def _described(found: Any) -> str:
    kind = type(found).__name__
    return f"a {kind} ({found!r})" if len(repr(found)) < 60 else f"a {kind}"


def _is_asgi(found: Any) -> bool:
    call = found if inspect.isroutine(found) or isinstance(found, type) else type(found).__call__
    if inspect.iscoroutinefunction(call):
        return True
    signature = _signature(found)
    return signature is not None and list(signature.parameters)[:3] == ["scope", "receive", "send"]


def _takes(found: Any, count: int) -> bool:
    signature = _signature(found)
    if signature is None:
        return True
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _signature(found: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(found)
    except (TypeError, ValueError):
        return None

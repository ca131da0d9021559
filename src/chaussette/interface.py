"""Is this object an app, and of which kind? Told from its signature, before the first request fails for want of it.

PEP 3333: an app is called as `app(environ, start_response)`. A signature that cannot be read is given the benefit of the
doubt. ASGI apps are recognised by being coroutine functions, or by their three arguments `scope, receive, send`; Tornado's
by a class that a `tornado.web.Application` and a `tornado.routing.Router` have.
"""

from collections.abc import Callable, Collection, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any

from .standard import standard_library

if TYPE_CHECKING:
    import inspect

_COROUTINE = 0x80  # inspect.CO_COROUTINE; the module costs 5 ms to import, and most apps need no more than this


KINDS = {"wsgi": "WSGI", "asgi": "ASGI", "tornado": "Tornado"}
"""The kinds of app, and how they are written."""


def kind_of(app: Any) -> str:
    """The kind of an app: one of `KINDS`."""
    if _plainly_wsgi(app):
        return "wsgi"
    return "tornado" if _is_tornado(app) else "asgi" if is_asgi(app) else "wsgi"


def why_not(text: str, found: Any, protocols: Collection[str], able: Callable[[str], Sequence[str]]) -> str:
    """Why `found` is no app for an engine that serves `protocols`; empty if it is one.

    The rest of a sentence that begins with `text`. `able` tells the engines that serve a kind of app.
    """
    return "" if _plainly_wsgi(found) else _why_not(text, found, protocols, able)


def _plainly_wsgi(found: Any) -> bool:
    """Whether `found` is a function of two arguments, or an instance that is called like one: what nearly every app is."""
    function = found if isinstance(found, FunctionType) else getattr(type(found), "__call__", None)  # noqa: B004
    if not isinstance(function, FunctionType) or isinstance(found, type):
        return False
    code = function.__code__
    own = function is not found
    return code.co_argcount - own == 2 and not code.co_kwonlyargcount and not code.co_flags & _COROUTINE


def _why_not(text: str, found: Any, protocols: Collection[str], able: Callable[[str], Sequence[str]]) -> str:
    with standard_library():
        import inspect

    if (kind := kind_of(found)) != "wsgi":
        return "" if kind in protocols else _another(kind, protocols, able(kind))
    if not callable(found):
        return f"is no app but {_described(found)}: a WSGI app is called as app(environ, start_response)."
    fits = _takes(found, 2)
    if isinstance(found, type) and not (fits and hasattr(found, "__iter__")):
        return f"is a class, not an app: name an instance of it, or write {text}() to make one."
    if not fits and _takes(found, 0):
        return f"takes no arguments, so it makes the app: write {text}() or add --factory."
    if not fits:
        return f"cannot be called as app(environ, start_response): its signature is {inspect.signature(found)}."
    return ""


def _another(kind: str, protocols: Collection[str], able: Sequence[str]) -> str:
    served = " and ".join(name for each, name in KINDS.items() if each in protocols)
    article = "an" if kind == "asgi" else "a"
    return f"is {article} {KINDS[kind]} app, and the engine serves {served}. Choose --backend {' or '.join(able)}."


def _described(found: Any) -> str:
    kind, shown = type(found).__name__, repr(found)
    article = "an" if kind[0] in "aeiou" else "a"
    return f"{article} {kind} ({shown})" if len(shown) < 60 else f"{article} {kind}"


def is_asgi(found: Any) -> bool:
    """Whether it is an ASGI app, and not a WSGI one."""
    if not callable(found):
        return False
    with standard_library():
        import inspect

    call = found if inspect.isroutine(found) or isinstance(found, type) else type(found).__call__
    if inspect.iscoroutinefunction(call):
        return True
    signature = _signature(found)
    return signature is not None and list(signature.parameters)[:3] == ["scope", "receive", "send"]


def _is_tornado(found: Any) -> bool:
    name = ("tornado.httputil", "HTTPServerConnectionDelegate")
    return any((each.__module__, each.__name__) == name for each in type(found).__mro__)


def _takes(found: Any, count: int) -> bool:
    signature = _signature(found)
    if signature is None:
        return True
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _signature(found: Any) -> "inspect.Signature | None":
    with standard_library():
        import inspect

    try:
        return inspect.signature(found)
    except (TypeError, ValueError):
        return None

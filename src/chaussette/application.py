"""Text to app: find it, import it, make it, and see that it is one for the engine.

::

    pkg.module:app              the attribute `app` (dots may follow: pkg.module:site.app)
    pkg.module:create_app()     what the call returns; literal arguments may stand in the brackets
    pkg.module.app              dotted: the longest part that is a module, then attributes
    pkg.module                  the one of `application`, `app`, and the module's own name that it has
    path/to/file.py:app         a file; its folder, or the root of its package, joins the import path
    paste:config.ini            see `paste_ini`

The import runs the user's code. What that code raises is reported with its own traceback, our frames and those of the
import system cut away; what is only missing is reported in one line, with what is there instead.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Collection, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from .errors import AppError, near
from .interface import why_not
from .standard import standard_library
from .traces import users_part

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_MOVED = {
    "chaussette.util.hello_app": "chaussette.demo:hello_app",
    "chaussette.util:hello_app": "chaussette.demo:hello_app",
}
"""What configurations of Chaussette 1.3 name, and where it is now."""
_ADDRESSES = ("http:", "https:", "unix:", "fd:")
_SHOWN = 15
"""How many callables an error message lists: more are no help."""


def load(
    text: str,
    *,
    factory: bool = False,
    protocols: Collection[str] = ("wsgi",),
    able: Callable[[str], Sequence[str]] = lambda kind: (),
) -> "WSGIApplication":
    """The app that `text` names, of one of the kinds in `protocols`. Raises AppError.

    With `factory`, what `text` names is called without arguments, and what it returns is the app. `able` tells the
    engines that serve a kind, for whoever has an app of that kind and another engine.
    """
    text = _MOVED.get(text, text)
    found = _load_paste(text.removeprefix("paste:")) if text.startswith("paste:") else resolve(text)
    if factory:
        found = _called(text, found, (), {})
    refusal = why_not(text, found, protocols, able)
    if refusal:
        raise AppError(f"{text} {refusal}")
    return cast("WSGIApplication", found)


def _load_paste(text: str) -> Any:
    from .paste_ini import load_paste

    return load_paste(text)


def resolve(text: str) -> Any:
    """The object that `text` names, of whatever type. Raises AppError."""
    target, brackets, arguments = text.partition("(")
    head, colon, path = target.rpartition(":")
    if not colon:
        head, path = target, ""
    if path.isdecimal() or target.startswith(_ADDRESSES):
        raise AppError(f"{text} is an address, not an app: write --bind ADDRESS and then the app.")
    if head.endswith(".py") or os.sep in head:
        module, names = _import_file(head), path
    elif "" in head.split(".") or path.startswith(".") or path.endswith("."):
        raise AppError(f"{text!r} lacks a name: write pkg.module:app, from the outermost package on.")
    elif colon:
        module, names = _import(head, text), path
    else:
        module, names = _import_dotted(head, text)
    found = _attribute(module, names, text) if names else _default(module, text)
    if not brackets:
        return found
    return _called(target, found, *_literals(text, arguments))


def check(text: str) -> None:
    """See that `text` can name an app, without importing anything. Raises AppError."""
    target, brackets, arguments = text.partition("(")
    head, colon, path = target.rpartition(":")
    if text.startswith("paste:"):
        return
    if brackets:
        _literals(text, arguments)
    if not colon:
        head, path = target, ""
    modules = [] if head.endswith(".py") or os.sep in head else head.split(".")
    for name in (*modules, *(path.split(".") if path else ())):
        if not name.isidentifier():
            raise AppError(
                f"{text!r} names no app: {name!r} is no Python name. Write pkg.module:app or path/to/file.py:app."
            )


def import_from(folders: tuple[str, ...]) -> None:
    """Let the app be imported from `folders`, in that order, and then from the current one, before all else.

    The engine is imported earlier, so a module of the app's folder cannot take the place of one of the engine's. Raises
    AppError.
    """
    wanted = [*map(os.path.abspath, folders), current_folder()]
    sys.path[:] = wanted + [entry for entry in sys.path if entry not in wanted]


def current_folder() -> str:
    """The folder that this process is in. Raises AppError if it has been deleted."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise AppError(
            "The current folder has been deleted, and no app can be imported from it: cd to another."
        ) from None


def _import(name: str, text: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise AppError(_no_module(error.name, text)) from None
        raise AppError(f"{text}: importing {name} raised ModuleNotFoundError: {error}", users_part(error)) from None
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        raise AppError(f"{text}: importing {name} raised {what}", users_part(error)) from None


def _import_dotted(dotted: str, text: str) -> tuple[ModuleType, str]:
    """Import the longest part of `dotted` that is a module; the rest are attributes."""
    names = dotted.split(".")
    module = _import(names[0], text)
    for index, name in enumerate(names[1:], 1):
        last = index == len(names) - 1
        # A package may hold an app and a module of the same name: who writes pkg.app means the app.
        if last and hasattr(module, name) and not isinstance(getattr(module, name), ModuleType):
            return module, name
        full = ".".join(names[: index + 1])
        if not hasattr(module, "__path__") or not importlib.util.find_spec(full):
            return module, ".".join(names[index:])
        module = _import(full, text)
    return module, ""


def _import_file(path: str) -> ModuleType:
    if not os.path.isfile(path):
        raise AppError(f"{path}: there is no such file (current folder: {os.getcwd()}).")
    folder, file = os.path.split(os.path.abspath(path))
    names = [os.path.splitext(file)[0]]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        names.insert(0, package)
    if not all(name.isidentifier() for name in names):
        raise AppError(
            f"{path}: {'.'.join(names)} is no module name: rename the file with letters, digits and '_' only."
        )
    import_from((folder,))
    module = _import(".".join(names), path)
    if not module.__file__ or not os.path.samefile(module.__file__, path):
        raise AppError(f"{path}: another module is called {module.__name__} ({module.__file__}): rename the file.")
    return module


def _no_module(missing: str, text: str) -> str:
    parent, _, name = missing.rpartition(".")
    package = sys.modules.get(parent)
    if package is not None and not hasattr(package, "__path__"):
        return f"{text}: {parent} is a module, not a package, so there is no {missing}: write {parent}:{name}."
    where = list(getattr(package, "__path__", ())) if package else [os.getcwd(), *sys.path]
    with standard_library():
        from pkgutil import iter_modules

        hint = near(name, [each.name for each in iter_modules(where)])
    return f"{text}: there is no module {missing}.{hint} Searched from {os.getcwd()}; --python-path adds folders."


def _attribute(module: ModuleType, names: str, text: str) -> Any:
    found: Any = module
    for name in names.split("."):
        if not hasattr(found, name):
            owner = found.__name__ if isinstance(found, ModuleType) else repr(found)
            hint = near(name, [each for each in dir(found) if not each.startswith("_")])
            raise AppError(f"{text}: {owner} has no {name!r}.{hint}{_callables(found)}")
        found = getattr(found, name)
    return found


def _default(module: ModuleType, text: str) -> Any:
    for name in ("application", "app", module.__name__.rpartition(".")[2]):
        if callable(getattr(module, name, None)):
            return getattr(module, name)
    raise AppError(f"{text} is a module: write {module.__name__}:NAME.{_callables(module)}")


def _callables(owner: Any) -> str:
    """The names that could be meant: callables of `owner`, but not the classes that it imports from other modules."""
    names = [name for name, value in getattr(owner, "__dict__", {}).items() if _is_candidate(owner, name, value)]
    if not names:
        return " It has no callables."
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f" It has these callables: {', '.join(sorted(names)[:_SHOWN])}{more}."


def _is_candidate(owner: Any, name: str, value: Any) -> bool:
    imported = isinstance(value, type) and value.__module__ != getattr(owner, "__name__", "")
    return callable(value) and not name.startswith("_") and not imported


def _literals(text: str, arguments: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of `create_app("prod", debug=True)`: literals only, nothing is evaluated."""
    with standard_library():
        import ast

    try:
        call = ast.parse("f(" + arguments, mode="eval").body
        if not isinstance(call, ast.Call) or any(keyword.arg is None for keyword in call.keywords):
            raise ValueError(arguments)
        values = tuple(ast.literal_eval(each) for each in call.args)
        named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError):
        raise AppError(f"{text}: the brackets may hold literals only, as in create_app('prod', debug=True).") from None
    return values, named


def _called(text: str, factory: Callable[..., Any], values: tuple[Any, ...], named: dict[str, Any]) -> Any:
    if not callable(factory):
        raise AppError(f"{text} is no factory, it cannot be called: {factory!r}.")
    try:
        made = factory(*values, **named)
    except (Exception, SystemExit) as error:
        raise AppError(f"{text}() raised {type(error).__name__}: {error}", users_part(error)) from None
    if made is None:
        raise AppError(f"{text}() returned None: a factory must return the app.")
    return made

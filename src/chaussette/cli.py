"""The `chaussette` command. The only place that prints or exits.

The options are those of `Config`: nothing about an option is written here. What goes wrong is one or two lines in the log,
and an exit status of its kind, see `errors`.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib.machinery import ExtensionFileLoader, PathFinder
from typing import TYPE_CHECKING, NoReturn

from . import backoff
from ._version import __version__
from .backend import check, find
from .backend.auto import AUTO, ORDER
from .config import DEFAULTS, OPTIONS, Config, flag
from .errors import AppError, ChaussetteError, ExitStatus, UsageError, near
from .logs import configure, logger
from .manager import beacon
from .server import serve
from .sources import Texts, gather

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_DESCRIPTION = "Serve a WSGI app on a socket that somebody else opened, or on one of its own."
_EPILOG = """\
commands:
  chaussette backends        the engines, what each can do, and how to install it
  chaussette backends NAME   all that is known of one, what it cannot do too
  chaussette install NAME    install an engine
  chaussette config MANAGER  print a configuration for circus, systemd, supervisor or s6; chaussette config --help says more

Every option may also be set by an environment variable, CHAUSSETTE_GRACEFUL_TIMEOUT=10 for --graceful-timeout 10,
or in the TOML file that --config names, graceful-timeout = 10. The command line wins, then the environment.

exit status: 0 drained, 2 usage, 3 app, 4 listening socket, 5 engine, 6 and 7 requests were cut (deadline, SIGINT)
"""
_FOR_MANAGER = """\
Print a complete configuration for MANAGER, one of circus, systemd, supervisor and s6, that serves APP from the current folder.

The options of this command come first, then those of Chaussette, which every worker is started with; --bind, --host, --port,
--backlog and --unix-mode say what the manager listens on, and its time limits follow from --graceful-timeout.
"""


_DONE_ONCE = (["backends"], ["install"], ["config"])
"""Commands that serve nothing: no process manager starts them again."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command `argv`, the arguments of the process by default, and exit."""
    words = list(sys.argv[1:] if argv is None else argv)
    _open_standard_files()
    try:
        sys.exit(_command(words))
    except ChaussetteError as error:
        print(f"chaussette: {error}", file=sys.stderr)
        if words[:1] not in _DONE_ONCE:
            _wait_for_manager(" ".join(words), str(error))
        sys.exit(error.exit_status)
    except KeyboardInterrupt:  # before the signal handlers were set: nothing was accepted
        sys.exit(128 + signal.SIGINT)


def _command(words: list[str]) -> int:
    if words[:1] == ["backends"] and len(words) < 3:
        return _show_backends(*words[1:])
    if len(words) == 2 and words[0] == "install":
        return _install(words[1])
    if words[:1] == ["config"]:
        return _for_manager(words[1:])
    return run(_config(words))


def run(config: Config, app: "WSGIApplication | None" = None) -> int:
    """Do what `config` says; the exit status. Raises ChaussetteError for what is wrong before there is a log."""
    configure(config.log_level, config.log_output, _loggers(config.backend))
    try:
        if config.use_reloader and app is None:
            from .reloader import serve_and_reload

            return serve_and_reload(config)
        status = serve(config, app=app, give_up=_give_up)
        if status is ExitStatus.OK:
            backoff.forget(config.app)
            return status
        reason = "the engine has ended by itself"
    except ChaussetteError as error:
        trace = error.traceback if isinstance(error, AppError) else ""
        logger.error("%s%s", error, "\n" + trace if trace else "")
        status, reason = error.exit_status, str(error)
    except Exception as error:
        logger.exception("An error that Chaussette did not foresee")
        status, reason = ExitStatus.CRASH, f"{type(error).__name__}: {error}"
    _wait_for_manager(config.app, reason)
    return status


def _loggers(name: str) -> list[str]:
    names = [each for order in ORDER.values() for each in order] if name == AUTO else [name]
    return [logger for each in names for logger in find(each).loggers]


def _version() -> str:
    """Which one this is, and whether the wheel was built with CHAUSSETTE_COMPILE=1."""
    hot = PathFinder.find_spec("reader", [os.path.join(os.path.dirname(__file__), "http11")])
    compiled = hot is not None and isinstance(hot.loader, ExtensionFileLoader)
    return f"chaussette {__version__}{' (compiled)' if compiled else ''}"


_WORKERS = ("--workers", "-w", "--processes", "--numprocesses")
"""What other servers call the option that Chaussette leaves to the process manager."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        words = message.removeprefix("unrecognized arguments: ").split()
        name = words[0].partition("=")[0]
        hint = near(name, map(flag, OPTIONS)) if name.startswith("--") else ""
        if name in _WORKERS:
            hint = " This is one worker: the process manager starts as many as you want."
        raise UsageError(f"{message}.{hint} See chaussette --help.")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        _say("")  # and with it the help, which is in the buffer
        super().exit(status, message)


def parser() -> argparse.ArgumentParser:
    """The parser of the command line, made of the options of `Config`."""
    made = _Parser(
        prog="chaussette",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=30, width=110),
        usage="%(prog)s [OPTION ...] [APP [ARGUMENT ...]]",
        argument_default=argparse.SUPPRESS,
    )
    made.add_argument("--version", action="version", version=_version())
    made.add_argument("--config", metavar="FILE", help="a TOML file with options")
    groups: dict[str, argparse._ArgumentGroup] = {}
    for name, option in OPTIONS.items():
        shown = option.help.replace("%", "%%")
        if option.positional:
            made.add_argument(
                name, nargs="*" if option.repeat else "?", help=shown, metavar=option.metavar or name.upper()
            )
            continue
        default = option.shown_default or _default_text(name)
        if option.group not in groups:
            groups[option.group] = made.add_argument_group(option.group)
        group, text = groups[option.group], f"{shown} (default: {default})" if default else shown
        if DEFAULTS[name] is False:
            group.add_argument(flag(name), action="store_const", const="true", help=shown)
        else:
            metavar = option.metavar or "{" + ",".join(option.choices) + "}"
            group.add_argument(flag(name), metavar=metavar, action="append" if option.repeat else "store", help=text)
    return made


def _default_text(name: str) -> str:
    default = DEFAULTS[name]
    return "" if default in (None, ()) else f"{default:g}" if isinstance(default, float) else str(default)


def _config(words: list[str]) -> Config:
    given, positionals = _parsed(parser(), words)
    return _gathered(given, positionals)


def _parsed(by: argparse.ArgumentParser, words: list[str]) -> tuple[Texts, list[str]]:
    # What follows a lone -- is the app's: argparse would still look for options in it.
    end = words.index("--") if "--" in words else len(words)
    given: Texts = vars(by.parse_intermixed_args(words[:end]))
    positionals = [given.pop("app", None), *(given.pop("arguments", None) or []), *words[end + 1 :]]
    return given, [str(word) for word in positionals if word is not None]


def _gathered(given: Texts, positionals: list[str]) -> Config:
    file = given.pop("config", None)
    if positionals:
        given |= {"app": positionals[0], "arguments": positionals[1:]}
    return gather(given, file=str(file) if file else None)


def _show_backends(name: str | None = None) -> int:
    from .backend.table import about, text

    _say((text() if name is None else about(name)) + "\n")
    return ExitStatus.OK


def _install(name: str) -> int:
    from .backend.install import install

    install(find(name))
    _say(f"{name} is installed: chaussette --backend {name} pkg.module:app\n")
    return ExitStatus.OK


def _say(text: str) -> None:
    """Print. A reader that has gone, as head(1) does, is no error."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what Python would flush at its end


def _open_standard_files() -> None:
    """Open /dev/null in place of standard files that are closed: the next socket would be one of them, and be printed to."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free, this one
            os.set_inheritable(fd, True)
            setattr(sys, name, open(fd, "w" if fd else "r"))  # noqa: SIM115 - open as long as we are


def _for_manager(words: list[str]) -> int:
    from . import templates

    by = parser()
    by.description, by.epilog = _FOR_MANAGER, None
    by.usage = "chaussette config [OPTION ...] MANAGER [APP [ARGUMENT ...]]"
    by.add_argument("--name", metavar="NAME", help="what the manager calls the site (default: web)")
    by.add_argument("--workers", metavar="N", help="processes (default: one for each core of this machine)")
    by.add_argument("--output", metavar="FOLDER", help="write files into this folder; one that is there is left alone")
    given, positionals = _parsed(by, words)
    name, workers, output = (str(given.pop(key, "")) for key in ("name", "workers", "output"))
    if not positionals:
        raise UsageError(f"For which manager: {', '.join(templates.MANAGERS)}? See chaussette config --help.")
    config = _gathered(given, positionals[1:])
    if config.backend != AUTO:
        check(find(config.backend), config)
    site = templates.site(config, name or "web", workers)
    made = templates.render(positionals[0], site)
    if output:
        _say("".join(f"{path}\n" for path in templates.write(made, output)))
    else:
        _say(templates.shown(made))
    return ExitStatus.OK


def _wait_for_manager(app: str, reason: str) -> None:
    if backoff.has_manager():
        seconds = backoff.delay(app)
        logger.error("Waiting %.0f s before exiting: the process manager would start this again at once", seconds)
        beacon.failed(reason, seconds)


def _give_up(status: ExitStatus) -> None:
    logging.shutdown()
    os._exit(status)

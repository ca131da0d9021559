"""What is printed for a manager: the command line of a worker survives each manager's quoting, and time limits follow."""

import shlex
from configparser import RawConfigParser
from pathlib import Path

import pytest

from chaussette import Config
from chaussette.errors import AppError, ChaussetteError, ExitStatus, UsageError
from chaussette.templates import MANAGERS, File, render, site, write

AWKWARD = """pkg.sub:create("a b", '100%', "$HOME", "back\\\\slash", debug=True)"""
WORDS = ["--fd", "0", "--exit-with-parent", "--threads=8", "--", AWKWARD, "--port", "80"]


KILLS = {
    "circus": ("watcher:web", "graceful_timeout"),
    "systemd": ("Service", "TimeoutStopSec"),
    "supervisor": ("fcgi-program:web", "stopwaitsecs"),
}
"""Where each manager is told when to kill: section and option."""


def made(manager: str, config: Config | None = None) -> str:
    return "".join(file.text for file in render(manager, site(config or Config(), workers="3")))


def awkward() -> Config:
    return Config(app=AWKWARD, arguments=("--port", "80"), threads=8)


def value(text: str, section: str, option: str) -> str:
    parser = RawConfigParser(strict=False)
    parser.read_string(text)
    return parser[section][option]


def test_circus_splits_the_command_into_the_words_of_the_worker() -> None:
    words = shlex.split(value(made("circus", awkward()), "watcher:web", "cmd"))
    assert words[-len(WORDS) :] == ["--fd", "$(circus.sockets.web)", *WORDS[2:]]


def test_supervisor_splits_the_command_into_the_words_of_the_worker() -> None:
    command = value(made("supervisor", awkward()), "fcgi-program:web", "command") % {}
    assert shlex.split(command)[-len(WORDS) :] == WORDS


def test_s6_splits_the_command_into_the_words_of_the_worker() -> None:
    [line] = [line for line in made("s6", awkward()).splitlines() if line.startswith("exec ") and "--ready-fd" in line]
    assert shlex.split(line)[-len(WORDS) - 2 :] == ["--fd", "0", "--ready-fd", "3", *WORDS[2:]]


def test_systemd_splits_the_command_into_the_words_of_the_worker() -> None:
    line = value(made("systemd", awkward()), "Service", "ExecStart")
    # In double quotes systemd and a POSIX shell escape alike; percent and dollar are doubled.
    words = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line)]
    assert words[-6:] == ["--bind", "systemd:web", *WORDS[3:]][-6:]


@pytest.mark.parametrize("manager", MANAGERS)
def test_nobody_is_killed_before_a_drain_has_ended(manager: str) -> None:
    for seconds, limit in ((25.0, 30), (0.5, 6), (600.0, 605)):
        text = made(manager, Config(graceful_timeout=seconds))
        found = value(text, *KILLS[manager]) if manager in KILLS else text.splitlines()[-1].removesuffix("000")
        assert int(found) == limit
        assert ("--graceful-timeout=" in text) == (seconds != Config().graceful_timeout)


@pytest.mark.parametrize("manager", MANAGERS)
def test_every_comment_ends_before_it_wraps(manager: str) -> None:
    assert [line for line in made(manager).splitlines() if len(line) > 128 and line[0] in "#;"] == []


@pytest.mark.parametrize(
    ("bind", "said"),
    [
        ("[::1]:8000", {"circus": "host = ::1\nport = 8000\nfamily = AF_INET6", "systemd": "ListenStream=[::1]:8000"}),
        (
            "unix:/run/web.sock",
            {
                "circus": "path = /run/web.sock\nbacklog = 2048\n; 0660 for the file. Circus reads this number as a decimal "
                "one: it is 0117. Without it everybody may write to the socket.\numask = 79",
                "systemd": "SocketMode=0660",
                "supervisor": "socket = unix:///run/web.sock\nsocket_mode = 0660",
                "s6": "backlog=2048, mode=0o660",
            },
        ),
    ],
)
def test_sockets(bind: str, said: dict[str, str]) -> None:
    for manager, text in said.items():
        assert text in made(manager, Config(bind=(bind,)))


@pytest.mark.parametrize("manager", MANAGERS)
def test_no_host_is_every_address(manager: str) -> None:
    assert "0.0.0.0" in made(manager, Config(bind=(":8000",)))


@pytest.mark.parametrize("manager", MANAGERS)
def test_what_the_manager_is_told_anyway_is_said_once(manager: str) -> None:
    lines = made(manager, Config(exit_with_parent=True)).splitlines()
    [command] = [line for line in lines if line.endswith("hello_app") and "--exit" in line]
    assert command.count("--exit-with-parent") == 1


def test_several_sockets() -> None:
    config = Config(bind=("127.0.0.1:8000", "unix:/run/web.sock"))
    assert "--fd $(circus.sockets.web) --fd $(circus.sockets.web-2)" in made("circus", config)
    assert "[socket:web-2]\npath = /run/web.sock" in made("circus", config)
    assert "ListenStream=127.0.0.1:8000\nListenStream=/run/web.sock" in made("systemd", config)


@pytest.mark.parametrize(
    ("manager", "config", "refusal"),
    [
        ("cirkus", Config(), "There is no configuration for cirkus. Did you mean circus?"),
        (
            "supervisor",
            Config(bind=(":8000", ":8001")),
            "Supervisor gives a process one socket: leave out 0.0.0.0:8001.",
        ),
        ("systemd", Config(bind=("example.org:80",)), "example.org:80: systemd knows no host names"),
        ("supervisor", Config(bind=("[::1]:8000",)), "[::1]:8000: Supervisor opens no IPv6 sockets"),
        ("s6", Config(bind=(":8000", ":8001")), "s6 gives a process one socket"),
        ("circus", Config(fd=("3",)), "fd://3: the manager is to open the socket"),
        ("circus", Config(port=0), "Port 0 is another one at each start"),
        ("circus", Config(bind=("unix:web.sock",)), "unix:web.sock: the manager needs the full path"),
        ("supervisor", Config(bind=("unix:@web",)), "unix:@web: the manager needs the full path"),
        ("circus", Config(app="pkg:a\nb"), "'pkg:a\\nb' names no app"),
        ("circus", Config(arguments=("a\nb",)), "'a\\nb' cannot stand in a configuration"),
        ("circus", Config(arguments=("a ;b",)), "Circus takes it for the beginning of a comment"),
        ("supervisor", Config(arguments=("a #b",)), "Supervisor takes it for the beginning of a comment"),
        ("circus", Config(arguments=("$(circus.env.home)",)), "Circus replaces it by something else"),
        ("s6", Config(ready_fd=3), "--ready-fd: it is in the configuration of the manager that knows it"),
        ("systemd", Config(use_reloader=True), "--use-reloader is for development"),
    ],
)
def test_refusals(manager: str, config: Config, refusal: str) -> None:
    with pytest.raises(ChaussetteError) as raised:
        made(manager, config)
    assert refusal in str(raised.value)


@pytest.mark.parametrize("text", ["no-name:app", "pkg:no-name", "pkg:create(open('x'))", "pkg:2", "pkg..sub:app"])
def test_what_names_no_app_is_refused_without_an_import(text: str) -> None:
    with pytest.raises(AppError) as raised:
        site(Config(app=text))
    assert raised.value.exit_status == ExitStatus.APP


@pytest.mark.parametrize(
    "text", ["nowhere", "nowhere.at.all:app", "a/b-c.py:app", "paste:x.ini#main", "m:f('a', b=[1])"]
)
def test_what_names_an_app_is_taken_without_an_import(text: str) -> None:
    assert site(Config(app=text)).config.app == text


@pytest.mark.parametrize("workers", ["0", "-1", "two", "1025"])
def test_workers_are_a_number(workers: str) -> None:
    with pytest.raises(UsageError, match="--workers"):
        site(Config(), workers=workers)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "é", "a.b", "-"])
def test_a_name_is_what_every_manager_takes(name: str) -> None:
    with pytest.raises(UsageError, match="--name"):
        site(Config(), name)


def test_files_that_are_there_are_left_alone(tmp_path: Path) -> None:
    files = [File("a/run", "#!/bin/sh\n", executable=True), File("b", "text")]
    assert write(files, str(tmp_path)) == [str(tmp_path / "a/run"), str(tmp_path / "b")]
    assert (tmp_path / "a/run").stat().st_mode & 0o111
    (tmp_path / "a/run").unlink()
    (tmp_path / "b").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        write(files, str(tmp_path))
    assert (tmp_path / "b").read_text() == "mine"
    assert not (tmp_path / "a/run").exists()

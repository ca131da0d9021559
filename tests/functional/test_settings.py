"""`--option` reaches the engine: for each one that has settings, one that can be seen in an answer."""

import json
from pathlib import Path

import pytest

from chaussette.backend import find, get
from chaussette.backend.tuning import settings_of
from chaussette.errors import ExitStatus
from live import BACKENDS, chaussette, client, listening

TUNED = [name for name in BACKENDS if find(name).settings]
LONG = "/?" + "a" * 200
SEEN: dict[str, tuple[str, str, bytes, int | tuple[str, str | None]]] = {
    # setting, path, body, and what is to be seen: a status, or a header and its value
    "waitress": ("ident=told", "/", b"", ("Server", "told")),
    "granian": ("keep_alive=no", "/", b"", ("Connection", "close")),
    **dict.fromkeys(("gevent", "geventwebsocket", "geventws4py", "socketio"), ("max-request-line=100", LONG, b"", 414)),
    "cheroot": ("max_request_body_size=10", "/echo", b"a" * 11, 413),
    "gunicorn": ("limit_request_line=100", LONG, b"", 414),
    "gunicorn-gevent": ("limit_request_line=100", LONG, b"", 414),
    "meinheld": ("max_content_length=10", "/echo", b"a" * 11, 413),
    "tornado": ("max_body_size=10", "/echo", b"a" * 11, 400),
    "uvicorn": ("server_header=no", "/", b"", ("Server", None)),
    "hypercorn": ("include_server_header=no", "/", b"", ("Server", None)),
}


@pytest.mark.parametrize("backend", TUNED)
@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
def test_a_setting_acts(backend: str, told: bool, tmp_path: Path) -> None:
    setting, path, body, seen = SEEN[backend]
    options = ("--option", setting) if told else ()
    with listening("tcp", tmp_path) as sock:
        fd = str(sock.fileno())
        with chaussette("--fd", fd, "--backend", backend, *options, "behaviour:app", fds=[sock.fileno()]):
            with client(sock) as connection:
                connection.request("POST" if body else "GET", path, body)
                answer = connection.getresponse()
                found = answer.status if isinstance(seen, int) else (seen[0], answer.headers[seen[0]])
    assert (found == seen) is told


def test_tornado_told_to_trust_a_proxy_tells_a_wsgi_app(tmp_path: Path) -> None:
    found = []
    with listening("tcp", tmp_path) as sock:
        words = ("--fd", str(sock.fileno()), "--backend", "tornado", "--option", "xheaders=yes", "behaviour:app")
        with chaussette(*words, fds=[sock.fileno()]), client(sock) as connection:
            for headers in ({"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}, {}):
                connection.request("GET", "/environ", headers=headers)
                environ = json.loads(connection.getresponse().read())
                found.append((environ["REMOTE_ADDR"], environ["wsgi.url_scheme"], "REMOTE_PORT" in environ))
    assert found == [("192.0.2.1", "https", False), ("127.0.0.1", "http", True)]


@pytest.mark.parametrize("where", ["file", "environment"])
def test_a_file_and_a_variable_set_them_too(where: str, tmp_path: Path) -> None:
    file = tmp_path / "web.toml"
    file.write_text("[option]\nident = 'two words'\n" if where == "file" else "")
    variable = "ident=two words" if where == "environment" else ""
    with listening("tcp", tmp_path) as sock:
        words = ("--fd", str(sock.fileno()), "--config", str(file), "behaviour:app")
        with chaussette(*words, fds=[sock.fileno()], CHAUSSETTE_OPTION=variable), client(sock) as connection:
            connection.request("GET", "/")
            assert connection.getresponse().headers["Server"] == "two words"


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_table_says_who_has_settings(backend: str) -> None:
    told = settings_of(get(backend))
    assert bool(told) == bool(find(backend).settings)
    if told:
        assert told.can
        assert not told.can.keys() & told.cannot.keys()
        assert set(find(backend).settings.split("`")[1::2]) <= told.can.keys()


@pytest.mark.parametrize("backend", BACKENDS)
def test_keys_that_are_refused(backend: str) -> None:
    told = settings_of(get(backend))
    refused = {"no_such_setting": "has no such setting." if told else "has no settings of its own."}
    if told and told.cannot:
        refused["backlog" if "backlog" in told.cannot else next(iter(told.cannot))] = "is not passed on."
    for key, words in refused.items():
        options = ("--backend", backend, "--bind", "127.0.0.1:0", "--option", f"{key}=1")
        with chaussette(*options, "behaviour:app") as process:
            assert process.ended() == ExitStatus.BACKEND
            assert f"--option {key}: " in process.log
            assert words in process.log
            assert "Traceback" not in process.log


@pytest.mark.parametrize(
    ("backend", "option", "words"),
    [
        ("waitress", "channel_timeout=soon", "'soon' is not a whole number"),
        ("waitress", "trusted_proxy_count=2", "trusted_proxy_count has no meaning without setting trusted_proxy"),
        ("gevent", "max_accept=0", "'0' is not a whole number from 1"),
        ("cheroot", "timeout=long", "'long' is not a number"),
        ("gunicorn", "keepalive=-1", "'-1' is not a whole number from 0"),
        ("gunicorn", "header_map=dangerous", "'dangerous' is not one of drop, refuse"),
        ("gunicorn", "proxy_protocol=v9", "'v9' is not what gunicorn takes"),
        ("granian", "keep_alive=perhaps", "'perhaps' is not true or false"),
        ("meinheld", "keepalive=x", "'x' is not a whole number"),
        ("tornado", "xheaders=perhaps", "'perhaps' is not true or false"),
        ("uvicorn", "http=zttp", "'zttp' is not one of auto, h11, httptools"),
        ("hypercorn", "keep_alive_timeout=x", "'x' is not a number"),
    ],
)
def test_values_that_are_refused(backend: str, option: str, words: str) -> None:
    with chaussette("--backend", backend, "--bind", "127.0.0.1:0", "--option", option, "behaviour:app") as process:
        assert process.ended() == ExitStatus.USAGE
        assert words in process.log
        assert "Traceback" not in process.log

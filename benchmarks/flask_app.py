"""Hello by a framework: the share of the server in what an everyday app costs."""

from flask import Flask

from .apps import HELLO

app = Flask(__name__)


def hello() -> tuple[bytes, dict[str, str]]:
    """Answer what `apps.hello` answers."""
    return HELLO, {"Content-Type": "text/plain"}


app.add_url_rule("/", view_func=hello)

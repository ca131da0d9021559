"""A small Flask app: an address for each thing that a visitor may try."""

import os
import time

from flask import Flask, Response, request

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    """Say hello, and which process says it."""
    return f"Hello from Flask, served by process {os.getpid()}.\n"


@app.get("/slow")
def slow() -> str:
    """Answer after two seconds: reload the server meanwhile, and the answer still comes."""
    time.sleep(2)
    return "Slow, but answered.\n"


@app.post("/shout")
def shout() -> Response:
    """Send the text of the request back in capitals."""
    return Response(request.get_data(as_text=True).upper(), mimetype="text/plain")


@app.get("/error")
def error() -> str:
    """Fail: the visitor gets a page that says nothing, the log gets the traceback."""
    raise RuntimeError("this page fails on purpose")

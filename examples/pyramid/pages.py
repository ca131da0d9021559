"""A small Pyramid app, configured by development.ini."""

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response


def home(request: Request) -> Response:
    """Say the greeting of the configuration file."""
    return Response(request.registry.settings["greeting"] + "\n", content_type="text/plain")


def name(request: Request) -> dict[str, str]:
    """Greet by name."""
    return {"hello": request.matchdict["name"]}


def error(request: Request) -> Response:
    """Fail."""
    raise RuntimeError("this page fails on purpose")


def main(global_config: dict[str, str], **settings: Any) -> Any:
    """Make the app, as `paste.app_factory` asks."""
    with Configurator(settings=settings) as config:
        config.add_route("home", "/")
        config.add_view(home, route_name="home")
        config.add_route("name", "/hello/{name}")
        config.add_view(name, route_name="name", renderer="json")
        config.add_route("error", "/error")
        config.add_view(error, route_name="error")
    return config.make_wsgi_app()

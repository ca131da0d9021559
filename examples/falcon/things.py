"""A small Falcon app: things with a name, kept in memory, so each process has its own."""

import falcon


class Things:
    """The collection, `/things`."""

    def __init__(self) -> None:
        self.names = ["sock", "shoe"]

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """List them."""
        response.media = {"things": self.names}

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Add one: {"name": "hat"}."""
        name = request.get_media().get("name")
        if not name:
            raise falcon.HTTPUnprocessableEntity(title="A thing has a name")
        self.names.append(name)
        response.status = falcon.HTTP_201
        response.media = {"name": name}


class Error:
    """A page that fails on purpose."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Fail."""
        raise RuntimeError("this page fails on purpose")


def create_app() -> falcon.App:
    """Make the app: `chaussette 'things:create_app()'`, or `chaussette --factory things:create_app`."""
    app = falcon.App()
    app.add_route("/things", Things())
    app.add_route("/error", Error())
    return app

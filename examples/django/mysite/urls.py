"""The addresses of the site, and what answers there."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path


def home(request: HttpRequest) -> HttpResponse:
    """Say hello."""
    return HttpResponse("Hello from Django.\n", content_type="text/plain")


def client(request: HttpRequest) -> JsonResponse:
    """Tell what the server told us of the client and of itself."""
    names = ("REMOTE_ADDR", "SERVER_NAME", "SERVER_PORT")
    return JsonResponse({name: request.META[name] for name in names})


def error(request: HttpRequest) -> HttpResponse:
    """Fail."""
    raise RuntimeError("this page fails on purpose")


urlpatterns = [path("", home), path("client", client), path("error", error)]

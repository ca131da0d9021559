"""HTTP/1.1 for WSGI, without a socket in sight: bytes → environ, response → bytes, limits, errors.

An engine gives a `Reader` what it received and gets `Request`s; it gives a `Response` what the app said and
gets bytes. `Heads` and `ResponseHeads` are what all connections share. Nothing here waits, sends or knows the
time.
"""

from .errors import Refused, ResponseError
from .head import Heads, Shape, Spool, temporary_file
from .limits import Limits
from .reader import CONTINUE, Reader, Request
from .response import Response, refusal
from .responsehead import ResponseHeads

__all__ = [
    "CONTINUE",
    "Heads",
    "Limits",
    "Reader",
    "Refused",
    "Request",
    "Response",
    "ResponseError",
    "ResponseHeads",
    "Shape",
    "Spool",
    "refusal",
    "temporary_file",
]

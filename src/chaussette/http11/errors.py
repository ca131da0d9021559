"""What http11 refuses, and whose fault it is.

::

    Exception
    ├── Refused           the client's: the answer is `status`, and the connection ends
    └── ResponseError     the app's: it broke PEP 3333 or would break HTTP

After a refusal nothing more is read from a connection: where the next request begins is a matter of opinion
then, and two opinions about it are what request smuggling is made of.
"""

REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}
"""The status codes that a server sends of its own accord, RFC 9110 section 15 and RFC 6585."""


class Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """A request that no app gets to see. `why` is for the client and for the log: it quotes nothing that was
    sent."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(f"{status} {REASONS[status]}: {why}")
        self.status, self.why = status, why


class ResponseError(Exception):
    """What an app gave as a response cannot be one."""

"""A check of request heads for engines that read them with the standard library's email parser, which takes nearly anything."""

from email.message import Message


def check_framing(headers: Message, version: str) -> None:
    """Raises ValueError for a head that another reader could take for something else, RFC 9112, sections 3.2, 5 and 6."""
    pairs = [(name.lower(), value) for name, value in headers.items()]
    lengths = [value for name, value in pairs if name == "content-length"]
    codings = [value for name, value in pairs if name == "transfer-encoding"]
    hosts = [value for name, value in pairs if name == "host"]
    if len(hosts) > 1 or (not hosts and version == "HTTP/1.1"):
        raise ValueError("no Host, or two")
    if headers.defects or headers.get_payload() or any("\n" in value for _, value in pairs):
        raise ValueError("a header line has no name, folds, or has a space before its colon")
    if len(lengths) + len(codings) > 1:
        raise ValueError("more than one Content-Length or Transfer-Encoding")
    if any(not (value.isascii() and value.isdigit()) for value in lengths):
        raise ValueError("Content-Length is not a number")
    if any(value.lower() != "chunked" for value in codings):
        raise ValueError("a transfer coding other than chunked")

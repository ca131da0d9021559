"""How much one request may be. Every number is one that a peer can drive up for nothing, so every number has
an end."""

from typing import NamedTuple


class Limits(NamedTuple):
    """Limits on one request; sizes in bytes."""

    request_line: int = 8190
    """414 beyond. RFC 9112 section 3 asks for 8000 at least; Apache's number, so what passes there passes
    here."""
    header_size: int = 65536
    """431 beyond, all header lines together: single sign-on cookies of 16 kB and more are in use."""
    header_count: int = 100
    """431 beyond. Browsers send 10 to 20, a proxy adds 10 more."""
    body_size: int = 1 << 30
    """413 beyond. 1 GiB, waitress's number: uploads are spooled to a file, so it is the disk that this
    protects."""
    memory: int = 1 << 20
    """Bytes of a body that stay in memory; a longer one goes to a temporary file."""

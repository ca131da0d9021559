"""Install an engine into the Python that runs this.

Most are one `pip install`. meinheld is not: see `_MEINHELD_HEADER`, which the compiler reads before meinheld's source, and
which leaves that source as it is.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping

from ..errors import BackendError
from .base import BackendInfo

_MEINHELD_HEADER = """\
/* 1. meinheld brings the greenlet.h of greenlet 0.4 and reads fields that greenlet objects no longer have: an answer that
   does not fit into the socket's buffer at once then spins or crashes. Today's header has the same include guard. */
#include <greenlet/greenlet.h>

/* 2. Its accept loop passes the length that the kernel wrote back for the last client: the next IPv6 client's address is
   then written beyond the end of a sockaddr_in. */
#include <unistd.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#define CHAUSSETTE_ROOM(length) (*(length) = sizeof(struct sockaddr_in), (length))
/* And an accept that fails for want of files or memory, or because the client has gone, ends its loop and with it the
   process. It is no reason to: after a moment it may work. */
#include <errno.h>
static int chaussette_accepted(int fd) {
    if (fd == -1 && errno != EAGAIN) {
        usleep(10000);
        errno = EAGAIN;
    }
    return fd;
}
#define accept(fd, address, length) chaussette_accepted(accept((fd), (address), CHAUSSETTE_ROOM(length)))
#define accept4(fd, address, length, flags) \\
    chaussette_accepted(accept4((fd), (address), CHAUSSETTE_ROOM(length), (flags)))

/* 3. It adds connections to epoll with EPOLLEXCLUSIVE, which forbids to modify them later, epoll_ctl(2): an answer to a
   request that came in two parts then waits for ever if it has to wait at all. */
#ifdef __linux__
#include <sys/epoll.h>
#undef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE 0
#endif

/* 4. Python 3.13 removed these; each has a successor. */
#if PY_VERSION_HEX >= 0x030D0000
#define PyEval_CallObject(function, arguments) PyObject_CallObject((function), (arguments))
#define PyEval_CallObjectWithKeywords(function, arguments, keywords) \\
    PyObject_Call((function), (arguments) ? (arguments) : PyTuple_New(0), (keywords))
#define Py_TRASHCAN_SAFE_BEGIN(object) Py_TRASHCAN_BEGIN(object, TimerObject_dealloc)
#define Py_TRASHCAN_SAFE_END(object) Py_TRASHCAN_END
#endif
"""


def install(info: BackendInfo) -> None:
    """Install the engine, showing what pip says. Raises BackendError if that fails."""
    if not info.install:
        raise BackendError(f"{info.name} is {info.upstream}: there is nothing to install.")
    if info.name == "meinheld":
        _install_meinheld()
    else:
        _pip(shlex.split(info.install)[2:])


def _install_meinheld() -> None:
    """meinheld 1.0.2 without what it requires, a greenlet that no Python after 3.9 can build, beside today's greenlet."""
    _pip(["greenlet>=3"])
    with tempfile.NamedTemporaryFile("w", prefix="meinheld-", suffix=".h") as header:
        header.write(_MEINHELD_HEADER)
        header.flush()
        flags = ["-O3", "-DNDEBUG", "-w", "-I" + sysconfig.get_path("platlib"), "-include", header.name]
        # Without pip's cache: it does not tell a build with these flags from one without.
        what = ["--no-deps", "--no-cache-dir", "--force-reinstall", "meinheld==1.0.2"]
        _pip(what, {"CFLAGS": shlex.join(flags)})
    if subprocess.run([sys.executable, "-c", "import meinheld.server"], check=False).returncode:
        raise BackendError("meinheld was built but does not import, see above.")


def _pip(what: list[str], environ: Mapping[str, str] | None = None) -> None:
    command = [sys.executable, "-m", "pip", "install", *what]
    if subprocess.run(command, env={**os.environ, **(environ or {})}, check=False).returncode:
        raise BackendError(
            f"{shlex.join(command[1:])} failed, see above. "
            "An engine in C needs a compiler and headers (Debian: apt-get install gcc python3-dev, for bjoern libev-dev too)."
        )

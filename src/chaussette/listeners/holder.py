"""Who holds a port or a socket file, for an error message that says whom to stop. Linux tells by proc(5); else nobody.

Only processes of the same user can be looked into, unless we are root: what cannot be found out is left out.
"""

import os


def tcp_holder(port: int) -> str:
    """` by NAME (pid N)` for the process that listens on TCP `port`, or an empty text."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in _rows(table):
            if len(row) > 9 and row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port:
                inodes.add(row[9])
    return _by(inodes)


def unix_holder(path: str) -> str:
    """` by NAME (pid N)` for the process that listens on the unix socket `path`, or an empty text."""
    shown = path.replace("\0", "@", 1)
    return _by({row[6] for row in _rows("/proc/net/unix") if len(row) > 7 and row[7] == shown})


def _rows(table: str) -> list[list[str]]:
    try:
        with open(table) as lines:
            return [line.split() for line in lines][1:]
    except OSError:
        return []


def _by(inodes: set[str]) -> str:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    if not wanted:
        return ""
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if any(_link(pid, fd) in wanted for fd in os.listdir(f"/proc/{pid}/fd")):
                with open(f"/proc/{pid}/comm") as name:
                    return f" by {name.read().strip()} (pid {pid})"
        except OSError:  # not ours to look into, or gone
            continue
    return ""


def _link(pid: str, fd: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/fd/{fd}")
    except OSError:
        return ""

"""What the processes in a sandbox hold, where no limit of the system counts it all."""

import os
from pathlib import Path

import psutil

from grading.sockets import full

MB = 2**20
PLACES = {"/dev/shm": "1777", "/tmp": "1777", "/home/student": "0777"}  # for files, in memory
FILES = 50_000  # in these; a file takes memory even when it is empty
SOCKETS = 500  # of all kinds; what waits in them is memory of the system


def held():
    """Return the bytes that this process itself holds."""
    return psutil.Process().memory_info().rss


def excess(pid, folder, limits, before):
    """Return what a sandbox has too much of, in words, or an empty text.

    Parameters
    ----------
    pid : int
        Of its first process.
    folder : str
        The one that it shares with us.
    limits : Limits
    before : int
        What this process held when the sandbox started: the rest came in messages.

    Returns
    -------
    str
    """
    processes, most = family(pid), limits.memory * MB
    if _memory(processes, most) > most:
        return f"more than {limits.memory} MB of memory"
    if _files(processes, limits.disk * MB) > FILES:
        return f"more than {FILES} files"
    if _sockets(processes) > SOCKETS:
        return f"more than {SOCKETS} sockets"
    if held() - before > most:  # a message has any number of parts
        return f"messages of more than {limits.memory} MB"
    return "files in the folder of the sockets" if full(folder) else ""


def _memory(processes, most):
    """Return the bytes that processes hold; if that is too much, shared pages count once."""
    with_shared = 0
    for one in processes:
        with_shared += _or_zero(lambda one=one: one.memory_info().rss)
    if with_shared <= most:
        return with_shared
    return sum(_or_zero(lambda one=one: one.memory_full_info().pss) for one in processes[:300])


def _files(processes, size):
    """Return how many files there are in memory, as the last of some processes sees it.

    Until the sandbox is complete it sees ours, which are not counted: their size is another.
    """
    found = 0
    for one in processes[-1:]:
        for path in PLACES:
            room = _or_zero(lambda path=path, one=one: os.statvfs(f"/proc/{one.pid}/root{path}"))
            if room and room.f_blocks * room.f_frsize == size:
                found += room.f_files - room.f_ffree
    return found


def _sockets(processes):
    """Return how many sockets there are, as the last of some processes sees it.

    Until the sandbox is complete it sees ours, which are not counted.
    """
    try:
        place = Path(f"/proc/{processes[-1].pid}")
        if (place / "ns/net").readlink() == Path("/proc/self/ns/net").readlink():
            return 0
        return int((place / "net/sockstat").read_text().split()[2])
    except (IndexError, OSError, ValueError):
        return 0


def family(pid):
    """Return a process and all that it has started."""
    return _or_zero(lambda: [psutil.Process(pid), *psutil.Process(pid).children(True)]) or []


def _or_zero(read):
    try:
        return read()
    except (psutil.Error, OSError):
        return 0

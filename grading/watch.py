"""What the processes in a sandbox hold, where no limit of the system counts it all."""

import contextlib
import os
import re
import time
from pathlib import Path

import psutil

from grading.sockets import full

MB = 2**20
PLACES = {"/dev/shm": "1777", "/tmp": "1777", "/home/student": "0777"}  # for files, in memory
FILES = 50_000  # in these; a file takes memory even when it is empty
FEW = 20  # processes; of so few, no one counts the pieces of memory
PIECES = 500_000  # of memory, in more processes; each takes some 300 bytes of the system's
PATIENCE = 1  # seconds of computing; counting that takes longer is made to, while memory fills
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
    if _pieces(processes) > PIECES:
        return f"more than {PIECES} pieces of memory"
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
    """Return the bytes that processes hold; if that is too much, shared pages count once.

    The tables that say where pages are belong to it: a page that was only read is in them alone.
    """
    held = [_held(one) for one in processes]
    tables = sum(table for _, table in held)
    with_shared = tables + sum(kept for kept, _ in held)
    if with_shared <= most:
        return with_shared
    alone, began = tables, time.thread_time()
    for one in processes:
        alone += _or_zero(lambda one=one: one.memory_full_info().pss)
        if alone > most or time.thread_time() - began > PATIENCE:
            return with_shared
    return alone


def _held(one):
    """Return the bytes that are in memory for a process, and those of its tables of pages."""
    text = _or_zero(lambda: Path(f"/proc/{one.pid}/status").read_bytes()) or b""
    found = dict(re.findall(rb"^(VmRSS|VmPTE):\s+(\d+) kB", text, re.M))
    return int(found.get(b"VmRSS", 0)) * 1024, int(found.get(b"VmPTE", 0)) * 1024


def _pieces(processes):
    """Return of how many pieces the memory of many processes consists, or more than is allowed."""
    count = 0
    for one in processes if len(processes) > FEW else ():
        with contextlib.suppress(OSError), open(f"/proc/{one.pid}/maps", "rb") as file:
            while count <= PIECES and (block := file.read(2**20)):
                count += block.count(b"\n")
    return count


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

"""The one folder that a sandbox shares with us: it holds the sockets of the kernel."""

import os
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

ENTRIES = 100  # files and folders in it; Jupyter makes six
LARGEST = 8 * 2**20  # bytes
USERS = 100_000  # where root starts sandboxes, their users have numbers from here


def make():
    """Make a folder with a name short enough for a socket, and return its path."""
    return tempfile.mkdtemp(prefix=f"k-{os.getpid()}-", dir="/tmp")


def sweep():
    """Delete the folders of programs that were killed."""
    for path in Path("/tmp").glob("k-*-*"):
        number = path.name.split("-")[1]
        if number.isdecimal() and not psutil.pid_exists(int(number)) and _ours(path):
            delete(path)


def _ours(path):
    """Whether a folder, and no link, belongs to us or to the user of a sandbox."""
    found, us = path.lstat(), os.geteuid()
    ours = found.st_uid == us or (us == 0 and USERS <= found.st_uid < USERS + 8 * 500_000)
    return stat.S_ISDIR(found.st_mode) and ours


def hold(folder, own, names, alive):
    """Give sockets a second name in a folder of ours, and return whether all are there in time.

    In its own folder a kernel may put a link in the place of a socket, to any socket of this
    machine; a later connection would go there. These names only we can change.
    """
    end = time.monotonic() + 60
    for name in names:
        while not os.path.lexists(f"{folder}/{name}"):
            if not alive() or time.monotonic() > end:
                return False
            time.sleep(0.02)
        os.link(f"{folder}/{name}", f"{own}/{name}", follow_symlinks=False)
    return True


def full(folder):
    """Whether a folder holds more than sockets; it is not walked further than that takes."""
    places, count, size = [folder], 0, 0
    while places:
        try:
            with os.scandir(places.pop()) as entries:
                for entry in entries:
                    count, size = count + 1, size + entry.stat(follow_symlinks=False).st_size
                    if count > ENTRIES or size > LARGEST:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        places.append(entry.path)
        except FileNotFoundError:
            continue
        except OSError:  # shut on purpose
            return True
    return False


def delete(folder):
    """Delete a folder, however deep it is, or shut."""
    if not os.path.lexists(folder):
        return
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            subprocess.run([*command, "--", folder], stderr=subprocess.DEVNULL, check=False)

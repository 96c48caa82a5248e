"""The one folder that a sandbox shares with us: it holds the sockets of the kernel."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psutil

ENTRIES = 100  # files and folders in it; Jupyter makes six
LARGEST = 8 * 2**20  # bytes


def make():
    """Make a folder with a name short enough for a socket, and return its path."""
    return tempfile.mkdtemp(prefix=f"k-{os.getpid()}-", dir="/tmp")


def sweep():
    """Delete the folders of programs that were killed."""
    for path in Path("/tmp").glob("k-*-*"):
        number = path.name.split("-")[1]
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            delete(path)


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

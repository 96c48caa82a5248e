"""A kernel in a sandbox: no network, no files of ours, bounded in memory, processes and disk.

It is started by this module alone, so there is no setting of Jupyter's that could start it without
the sandbox. Where bubblewrap does not work, nothing is run.
"""

import dataclasses
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import matplotlib
import psutil

from grading.sockets import USERS, delete, make
from grading.system_calls import start
from grading.watch import PLACES, excess, family, held

MB = 2**20
PROGRAM = "bwrap"
numbers = itertools.count()


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Parameters
    ----------
    cell, question, total : float
        Seconds for one cell, for one question of a check, and for the whole notebook.
    memory : int
        MB of all its processes together.
    disk : int
        MB of each of its three places for files, which lie in memory.
    processes : int
        Processes and threads.
    output : int
        Bytes that a cell may print; a flood of 50 times that ends the kernel.
    """

    cell: float = 60
    question: float = 30
    total: float = 600
    memory: int = 3000
    disk: int = 256
    processes: int = 200
    output: int = 200_000


class NoSandbox(RuntimeError):
    """Nothing is run, as there is no sandbox here that works."""


HELP = """\
Student code runs only in a sandbox, and here it does not start:
    {said}
What to do:
- Install bubblewrap: apt-get install bubblewrap, dnf install bubblewrap. It exists for Linux only;
  on Windows use WSL 2, on a Mac a Linux virtual machine.
- "setting up uid map: Permission denied" (Ubuntu 24.04 and later): allow bwrap to make user
  namespaces with a profile in /etc/apparmor.d/bwrap, or as the administrator:
  sysctl kernel.apparmor_restrict_unprivileged_userns=0
- "Creating new namespace failed": sysctl user.max_user_namespaces must not be 0.
- In a container: the container must allow namespaces (for Docker:
  --security-opt seccomp=unconfined --security-opt systempaths=unconfined), or run this elsewhere.
Then try again: python -m grading sandbox"""


def check_sandbox():
    """Start the sandbox once, with what it will be used with.

    Raises
    ------
    NoSandbox
        Saying what failed, and what to do.
    """
    if shutil.which(PROGRAM) is None:
        raise NoSandbox(HELP.format(said=f"{PROGRAM} is not installed"))
    with tempfile.TemporaryDirectory(prefix="try-") as folder:
        command = sandboxed(folder, folder, Limits(), ["true"])
        try:
            done = start(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, cwd="/")
        except KeyError as machine:
            said = f"which system calls to refuse is not known here for {machine}"
            raise NoSandbox(HELP.format(said=said)) from None
        _, said = done.communicate()
    if done.returncode:
        said = said.strip() or f"it ended with {done.returncode}"
        raise NoSandbox(HELP.format(said=said))


# bwrap's own environment can be read inside, at /proc/1/environ, so it is empty from the start.
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}
INSIDE = {
    "HOME": "/home/student",
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONPATH": "/opt/ask",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONNOUSERSITE": "1",
}
# Without its list of fonts, matplotlib makes a new one in each kernel.
COPY = (
    "mkdir -p .cache/matplotlib; cp /opt/ask/fontlist* .cache/matplotlib 2>/dev/null; "
    'cp -rL /in/. . 2>/dev/null; exec "$@"'
)


def sandboxed(socket, files, limits, command, user=None):
    """Return the command that runs a command in the sandbox.

    Parameters
    ----------
    socket : str
        The one folder that is shared, for the sockets of the kernel.
    files : str
        A folder whose files are copied to where the notebook runs.
    limits : Limits
        Of memory, files and processes.
    command : list of str
        What to run.
    user : int, optional
        The user to become, where this is run by root: another one for each kernel, as they would
        otherwise share one limit of processes.

    Returns
    -------
    list of str
    """
    root = os.geteuid() == 0
    size = str(limits.disk * MB)
    bound = [
        f"--as={limits.memory * 2 * MB}",
        f"--nproc={limits.processes}",
        f"--fsize={limits.disk // 4 * MB}",
        f"--cpu={int(limits.total) + 60}",
        "--nofile=1024",
        "--core=0",
    ]
    flags = ["--die-with-parent", "--new-session"]
    if not root:
        flags += ["--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000"]
        flags += ["--cap-drop", "ALL"]
    flags += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    flags += ["--unshare-cgroup-try", "--hostname", "sandbox", "--clearenv"]
    flags += ["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin"]
    flags += ["--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"]
    for path in ("/etc/ld.so.cache", "/etc/fonts", "/etc/alternatives"):
        flags += ["--ro-bind-try", path, path]
    flags += ["--proc", "/proc", "--dev", "/dev"]
    for path, mode in PLACES.items():
        flags += ["--perms", mode, "--size", size, "--tmpfs", path]
    flags += ["--perms", "0755", "--dir", "/opt", "--perms", "0755", "--dir", "/opt/ask"]
    codec = str(Path(__file__).with_name("codec.py"))
    flags += ["--ro-bind", codec, "/opt/ask/answer_in_kernel.py"]
    for path in Path(matplotlib.get_cachedir()).glob("fontlist*.json"):
        flags += ["--ro-bind", str(path), f"/opt/ask/{path.name}"]
    flags += [*_shown(sys.prefix), *_shown(sys.base_prefix)]
    flags += [*_parents("/in"), "--ro-bind", files, "/in"]
    flags += [*_parents(socket), "--bind", socket, socket]
    flags += ["--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in INSIDE.items():
        flags += ["--setenv", name, value]
    flags += ["--chdir", "/home/student"]
    inside = ["prlimit", *bound, "sh", "-c", COPY, "sh", *command]
    if root:  # a user of its own without any right; a namespace of users is not needed
        number = str(user or 99_999)
        become = ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups"]
        inside = [*become, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", *inside]
    return [PROGRAM, *flags, *inside]


def _shown(path):
    """Return the flags that show a folder read-only, unless it is part of the system."""
    real = str(Path(path).resolve())
    if Path(real).is_relative_to("/usr"):
        return []
    flags = [*_parents(path), "--ro-bind", path, path]
    return flags if real == str(path) else [*flags, *_parents(real), "--ro-bind", real, real]


def _parents(path):
    """Return the flags that make the folders above a path, so that others may enter them."""
    known = ("/", "/tmp", "/usr", "/home", "/dev")
    above = [str(one) for one in reversed(Path(path).parents) if str(one) not in known]
    return [flag for one in above for flag in ("--perms", "0755", "--dir", one)]


class Sandbox:
    """A process in the sandbox, watched until it is killed.

    Parameters
    ----------
    command : function
        Returns the command, given the shared folder.
    files : str
        A folder whose files it may have.
    limits : Limits
        When it takes more memory, or fills the shared folder, it is killed.

    Attributes
    ----------
    folder : str
        The shared folder, with a name short enough for a socket.
    own : str
        One that is not shared, for names of the sockets that nobody else can change.
    reason : str
        Why it was killed, or empty.
    """

    def __init__(self, command, files, limits):
        self.folder, self.own = make(), make()
        self.limits, self.reason = limits, ""
        user = USERS + 8 * (os.getpid() % 500_000) + next(numbers) % 8
        if os.geteuid() == 0:
            os.chown(self.folder, user, user)
        try:
            arguments = sandboxed(self.folder, str(files), limits, command(self.folder), user)
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
            quiet["stderr"] = subprocess.DEVNULL
            self.process = start(arguments, env=ENVIRONMENT, cwd="/", **quiet)
        except BaseException:
            delete(self.folder)
            delete(self.own)
            raise
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def alive(self):
        """Whether it runs."""
        return self.process.poll() is None

    def kill(self, reason=""):
        """End it and all that it started, and delete the shared folder."""
        self.reason = self.reason or reason
        inside = family(self.process.pid)[1:2]
        self.process.kill()  # and the namespace of processes dies with its first
        self.process.wait()
        psutil.wait_procs(inside, timeout=2)
        delete(self.folder)
        delete(self.own)

    def _watch(self):
        before = held()
        while self.alive:
            try:
                reason = excess(self.process.pid, self.folder, self.limits, before)
            except Exception:  # who is not watched has no limits
                reason = "what it uses cannot be watched"
            if reason:
                self.kill(reason)
            time.sleep(0.2)

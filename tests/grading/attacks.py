"""Hostile code in a cell of an otherwise honest notebook, and what must come of it.

Where an attack reaches what it should not, its cell prints BREACH. In the texts, ROOT stands for
the folder of the course, REPO for the one of the project, PORT for a listener of the test's own.
"""

import dataclasses

TRY = """
import ctypes, glob, os, signal, socket, subprocess, sys, threading, time

def tried(what, act):
    try:
        got = act()
    except BaseException as error:
        print("blocked", what, type(error).__name__)
    else:
        print("BREA" + "CH", what, repr(got)[:200])

libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
"""


@dataclasses.dataclass
class Attack:
    """Code, the marks of both tasks, and words that the marks, notes or outputs must hold."""

    code: str = ""
    draw: float = 4
    count: float = 2
    words: tuple = ()
    changed: dict = dataclasses.field(default_factory=dict)


ATTACKS = {
    # ends and loops
    "exit": Attack("import os; os._exit(3)", words=["kernel ended"]),
    "sys_exit": Attack("import sys; sys.exit(1)", words=["SystemExit"]),
    "kill_all": Attack(
        TRY
        + "for pid in (1, -1):\n    try: os.kill(pid, 9)\n    except OSError as error: print(error)"
    ),
    "kill_group": Attack("import os; os.killpg(0, 9)", words=["kernel ended"]),
    "crash": Attack("import ctypes; ctypes.string_at(0)", words=["kernel ended"]),
    "stop": Attack(TRY + "os.kill(os.getpid(), signal.SIGSTOP)", words=["took more than 5"]),
    "loop": Attack("while True: pass", words=["the cell took more than 5 seconds"]),
    "loop_swallows": Attack(
        TRY + "while True:\n    try: time.sleep(9)\n    except BaseException: pass",
        words=["and went on"],
    ),
    "loop_in_c": Attack("sum(iter(int, 1))", words=["and went on"]),
    "no_end": Attack(
        TRY + "import atexit; atexit.register(time.sleep, 1000)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "threading.Thread(target=time.sleep, args=(1000,)).start(); print('ready')",
        words=["ready"],
    ),
    "exit_asked": Attack(
        changed={"draw_answer": "import os\ndef draw(*a): os._exit(1)"},
        draw=0,
        words=["ended while it was asked"],
    ),
    "sleep_asked": Attack(
        changed={"draw_answer": "import time\ndef draw(*a): time.sleep(100)"},
        draw=0,
        words=["no answer within 3 seconds"],
    ),
    "exit_asked_by_exception": Attack(
        changed={"draw_answer": "def draw(*a): raise SystemExit('bye')"},
        draw=0,
        words=["SystemExit: bye"],
    ),
    # memory, processes, disks; each is bounded by itself too
    "memory": Attack(
        TRY + "held = [np.ones(20_000_000) for _ in range(12)]\nprint('BREA' + 'CH')",
    ),
    "memory_at_once": Attack("x = np.ones(10**9)", words=["Unable to allocate"]),
    "memory_forks": Attack(
        TRY + "for _ in range(6):\n"
        "    if os.fork() == 0:\n        x = np.ones(25_000_000); time.sleep(9); os._exit(0)\n"
        "time.sleep(4.7); print('BREA' + 'CH')",
        words=["more than 700 MB of memory"],
    ),
    "memory_memfd": Attack(
        TRY + "def fill():\n"
        "    held, block = [], bytes(8 * 2**20)\n"
        "    for n in range(130):\n"
        "        held.append(os.memfd_create('m')); os.write(held[-1], block)\n"
        "tried('a GB of files in memory', fill)",
        words=["blocked"],
    ),
    "memory_sysv": Attack(
        TRY + "libc.shmat.restype = ctypes.c_void_p\nsize = 64 * 2**20\n"
        "def fill():\n"
        "    for n in range(16):\n"
        "        key = libc.shmget(0, ctypes.c_size_t(size), 0o1600)\n"
        "        if key < 0: raise OSError('shmget')\n"
        "        at = libc.shmat(key, None, 0)\n"
        "        ctypes.memset(at, 1, size); libc.shmdt(ctypes.c_void_p(at))\n"
        "tried('a GB of shared memory', fill)",
        words=["blocked"],
    ),
    "memory_semaphores": Attack(
        TRY + "def fill():\n"
        "    for n in range(200): call('semget', 0, 32_000, 0o600)\n"
        "tried('400 MB of semaphores', fill)",
        words=["blocked"],
    ),
    "memory_of_pipes": Attack(
        TRY + "import ctypes, mmap\n"
        "class Vector(ctypes.Structure):\n"
        "    _fields_ = [('at', ctypes.c_void_p), ('size', ctypes.c_size_t)]\n"
        "def fill():\n"
        "    held, size = [], 2**22\n"
        "    for n in range(200):\n"
        "        if n % 10 == 0: held.append(os.pipe())\n"
        "        block = mmap.mmap(-1, size, mmap.MAP_PRIVATE)\n"
        "        block.madvise(mmap.MADV_HUGEPAGE); block.write(bytes(size))\n"
        "        at = ctypes.addressof(ctypes.c_char.from_buffer(block)) + size // 2\n"
        "        one = ctypes.byref(Vector(at, 4096))\n"
        "        call('vmsplice', held[-1][1], one, ctypes.c_size_t(1), 0)\n"
        "tried('large pages that only a pipe holds', fill)",
        words=["blocked"],
    ),
    "memory_of_sockets": Attack(
        TRY + "held = []\n"
        "for n in range(300):\n"
        "    held.append(socket.socketpair()); held[-1][0].setblocking(False)\n"
        "    try:\n        while True: held[-1][0].send(bytes(2**15))\n"
        "    except BlockingIOError: pass\n"
        "time.sleep(1); print('BREA' + 'CH')",
        words=["more than 500 sockets"],
    ),
    "memory_of_locks": Attack(
        TRY + "import fcntl\ndef fill():\n"
        "    with open('/tmp/x', 'wb') as file:\n"
        "        for n in range(1000, 0, -2): fcntl.lockf(file, fcntl.LOCK_EX, 1, n)\n"
        "tried('locks of single bytes', fill)",
        words=["blocked locks of single bytes"],
    ),
    "memory_of_the_computer": Attack(
        TRY + "number = {'x86_64': 206, 'aarch64': 0}[os.uname().machine]\n"
        "tried('io_setup', lambda: call('syscall', number, 60_000, ctypes.byref(ctypes.c_long())))",
        words=["blocked io_setup"],
    ),
    "fork_bomb": Attack(
        TRY + "def bomb():\n    for _ in range(200):\n"
        "        if os.fork() == 0: time.sleep(4); os._exit(0)\n"
        "tried('200 processes', bomb)",
        draw=(0, 4),  # the next cell has no thread to run in
        words=["blocked 200 processes BlockingIOError"],
    ),
    "thread_bomb": Attack(
        TRY + "def bomb():\n    for _ in range(200):\n"
        "        threading.Thread(target=time.sleep, args=(4,), daemon=True).start()\n"
        "tried('200 threads', bomb)",
        draw=(0, 4),
        count=(0, 2),
        words=["blocked 200 threads RuntimeError"],
    ),
    "disks": Attack(
        TRY + "block = bytes(4 * 2**20)\ndef fill(place):\n    for n in range(12):\n"
        "        with open(f'{place}/{n}', 'wb') as file: file.write(block)\n"
        "for place in ('/tmp', '/dev/shm', '/home/student', '/', '/dev', '/opt', '/in', '/home',\n"
        "              '/usr', '/proc', sys.prefix):\n"
        "    tried(place, lambda: fill(place))",
        words=["blocked /tmp OSError", "blocked /dev/shm OSError", "blocked / OSError"],
    ),
    "big_file": Attack(
        TRY + "def fill():\n    with open('/tmp/x', 'wb') as file: file.write(bytes(20 * 2**20))\n"
        "tried('a file of 20 MB', fill)",
        words=["blocked a file"],
    ),
    "inodes": Attack(
        TRY + "def many():\n    for n in range(150_000):\n"
        "        os.close(os.open(f'/dev/shm/{n}', os.O_CREAT))\n"
        "    time.sleep(1)\ntried('150000 files', many)",
        words=["more than 50000 files"],
    ),
    "sockets_filled": Attack(
        TRY + "place = glob.glob('/tmp/k-*')[0]\nfor n in range(10):\n"
        "    open(f'{place}/{n}', 'wb').write(bytes(2**20))\ntime.sleep(2); print('BREA' + 'CH')",
        words=["files in the folder of the sockets"],
    ),
    "sockets_many": Attack(
        TRY + "place = glob.glob('/tmp/k-*')[0]\nfor n in range(3000):\n"
        "    open(f'{place}/{n}', 'wb')\ntime.sleep(2); print('BREA' + 'CH')",
        words=["files in the folder of the sockets"],
    ),
    "sockets_deep": Attack(
        TRY + "os.chdir(glob.glob('/tmp/k-*')[0])\nfor n in range(3000):\n"
        "    os.mkdir('d'); os.chdir('d')\ntime.sleep(2); print('BREA' + 'CH')",
        words=["files in the folder of the sockets"],
    ),
    "sockets_deleted": Attack(
        TRY + "place = glob.glob('/tmp/k-*')[0]\nfor name in os.listdir(place):\n"
        "    os.unlink(f'{place}/{name}')\nos.symlink('ROOT', f'{place}/link')\n"
        "os.mkdir(f'{place}/shut'); os.mkdir(f'{place}/shut/in'); os.chmod(f'{place}/shut', 0)",
    ),
    "sockets_linked": Attack(
        TRY + "place = glob.glob('/tmp/k-*')[0]\nfor name in os.listdir(place):\n"
        "    if name.startswith('kernel-'):\n"
        "        os.unlink(f'{place}/{name}'); os.symlink('ROOT/../s', f'{place}/{name}')\n"
        "print('x' * 20_000_000, flush=True)",  # after which the outputs are connected again
        words=["was lost"],
    ),
    "slow_when_run_again": Attack(
        [
            "import os, time\nslow = False\ntry: time.sleep(4)\n"
            "except KeyboardInterrupt: slow = True",
            *["if slow: time.sleep(0.9)"] * 250,
            *["time.sleep(4)"] * 3 + ["time.sleep(2); os._exit(0)"],
        ],
        0,
        0,
        words=["the notebook took more than 25"],
    ),
    "time": Attack(
        ["import time; time.sleep(2.6)"] * 12, 0, 0, words=["the notebook took more than 25"]
    ),
    "many_ends": Attack(["import os; os._exit(1)"] * 4, 0, 0, words=["4 kernels have ended"]),
    "many_cells": Attack(["x = 1"] * 300),
    # floods
    "flood": Attack("for _ in range(100): print('x' * 10**6)", words=["a plot of text"]),
    "flood_at_once": Attack("print('x' * 10**8)", words=["was lost", "a plot of text"]),
    "flood_small": Attack("for n in range(60_000): print(n)", words=["a plot of text"]),
    "flood_of_lines": Attack(
        "for n in range(300): print('x' * 999, flush=True)",
        words=["only the first 200000 bytes are kept"],
    ),
    "flood_raw": Attack("import os; os.system('yes | head -c 100000000')"),
    "flood_pictures": Attack(
        "from IPython.display import Image, display\n"
        "for _ in range(40): display(Image(data=b'\\x89PNG' + bytes(10**6), format='png'))",
        words=["printed more than"],
    ),
    "flood_error": Attack(
        "raise ValueError('x' * 5 * 10**6)", words=["only the first 200000 bytes"]
    ),
    # reading, writing, reaching out
    "reads": Attack(
        TRY + "for path in ('checks/toy.py', 'source/toy/toy.ipynb', 'gradebook.db', 'secret',\n"
        "        'nbgrader_config.py', 'submitted/honest_1/toy/toy.ipynb', 'marks/toy.csv'):\n"
        "    tried(path, lambda: open('ROOT/' + path, 'rb').read())\n"
        "for path in ('REPO/grading/batch.py', 'REPO/tests/grading/toy.py', '/etc/shadow',\n"
        "        '/etc/passwd', '/etc/gshadow', '/proc/1/rootROOT/secret',\n"
        "        '/proc/1/mem', '/dev/sda', '/dev/mem', '/proc/kcore'):\n"
        "    tried(path, lambda: open(path, 'rb').read(99))\n"
        "for path in ('ROOT', 'REPO/exercises', '/proc/1/cwd/ROOT'):\n"
        "    tried(path, lambda: os.listdir(path))",
        words=["blocked secret", "blocked checks/toy.py", "blocked /proc/1/mem"],
    ),
    "environ": Attack(
        "import glob, os; print(dict(os.environ))\n"
        "for path in glob.glob('/proc/[0-9]*/*'):\n"
        "    if path.endswith(('/environ', '/cmdline', '/maps', '/mountinfo')):\n"
        "        try: print(path, open(path).read()[:8000])\n"
        "        except OSError as error: print(path, type(error).__name__)",
        words=["/proc/1/environ"],
    ),
    "writes": Attack(
        TRY + "for path in ('ROOT/gradebook.db', 'ROOT/secret', 'ROOT/checks/toy.py',\n"
        "        'ROOT/../sentinel', 'REPO/grading/codec.py', '/opt/ask/answer_in_kernel.py',\n"
        "        np.__file__, sys.executable, '/usr/bin/sh', '/in/checks.py',\n"
        "        '/proc/sys/kernel/core_pattern', '/etc/passwd'):\n"
        "    tried(path, lambda: open(path, 'ab').write(b'TOKEN'))\n"
        "tried('chmod', lambda: os.chmod('/opt/ask/answer_in_kernel.py', 0o666))\n"
        "tried('new', lambda: open('ROOT/../TOKEN', 'w'))\n"
        "import sqlite3\n"
        "tried('sql', lambda: sqlite3.connect('ROOT/gradebook.db').execute('delete from grade'))",
        words=["blocked ROOT/gradebook.db", "blocked sql"],
    ),
    "network": Attack(
        TRY + "socket.setdefaulttimeout(1)\n"
        "for host in ('127.0.0.1', 'localhost', '0.0.0.0', '::1'):\n"
        "    tried(host, lambda: socket.create_connection((host, PORT)))\n"
        "def unix(place):\n"
        "    with socket.socket(socket.AF_UNIX) as one: one.connect(place)\n"
        "tried('abstract', lambda: unix('\\0TOKEN'))\n"
        "tried('path', lambda: unix('ROOT/../s'))\n"
        "def datagram():\n"
        "    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:\n"
        "        one.connect(('127.0.0.1', PORT)); one.send(b'x'); time.sleep(0.1); one.recv(1)\n"
        "tried('datagram', datagram)\n"
        "tried('host of a virtual machine', lambda: socket.socket(socket.AF_VSOCK))",
        words=["blocked 127.0.0.1", "blocked abstract", "blocked path", "blocked host of"],
    ),
    "privileges": Attack(
        TRY + "NEWUSER, NEWNET, NEWNS = 0x10000000, 0x40000000, 0x20000\n"
        "tried('user 0', lambda: os.setuid(0))\n"
        "tried('chroot', lambda: os.chroot('/tmp'))\n"
        "tried('mount', lambda: call('mount', b'none', b'/tmp', b'tmpfs', 0, None))\n"
        "tried('umount', lambda: call('umount2', b'/in', 2))\n"
        "tried('ptrace', lambda: call('ptrace', 16, 1, None, None))\n"
        "tried('device', lambda: os.mknod('/tmp/null', 0o020666, os.makedev(1, 1)))\n"
        "tried('names', lambda: call('unshare', NEWNS))\n"
        "tried('network', lambda: call('unshare', NEWNET))\n"
        "tried('users', lambda: call('unshare', NEWUSER))\n"
        "tried('processor', lambda: os.sched_setaffinity(0, range(os.cpu_count())))\n"
        "clone = lambda: call('syscall', 56, NEWUSER | 17, None, None, None, None) or os._exit(0)\n"
        "if os.uname().machine == 'x86_64': tried('clone', clone)\n"
        "run = lambda *a: subprocess.run(a, check=True, capture_output=True)\n"
        "tried('unshare', lambda: run('/usr/bin/unshare', '-Ur', 'true'))\n"
        "tried('sudo', lambda: run('/usr/bin/su', '-c', 'true'))",
        words=["blocked user 0", "blocked mount", "blocked users", "blocked processor"],
    ),
    "left_running": Attack(
        TRY + "subprocess.Popen(['/usr/bin/sleep', '987.TOKEN'], start_new_session=True)\n"
        "if os.fork() == 0:\n    os.setsid(); time.sleep(900); os._exit(0)\n"
        "def speak():\n    while True: print('4.0', flush=True); time.sleep(0.01)\n"
        "threading.Thread(target=speak).start()",
        changed={"draw_answer": "def draw(*a): raise NotImplementedError()"},
        draw=0,
        words=["not written yet"],
    ),
}

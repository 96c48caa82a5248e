"""System calls that no student needs, refused by the kernel of the machine.

Some would take memory that no limit counts: files without a name, shared memory, semaphores, pages
that a pipe keeps, locks of parts of a file, file systems of one's own. Others make a name space, in
which a process is its own administrator, use up what the whole computer has once (io_setup), go to
a processor on which another submission runs, or open a socket to what is no network, such as the
host of a virtual machine.
"""

import errno
import os
import platform
import struct
import subprocess

ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # the latter with the number of an error
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, MACHINE, FIRST_ARGUMENT, SECOND_ARGUMENT = 0, 4, 16, 24  # places in what a filter is given
NEW_USER = 0x10000000  # a flag of clone
NEW_MOUNTS = (428, 429, 430, 431, 432, 433, 442)  # open_tree to fspick, mount_setattr
EVERYWHERE = (425, 447, *NEW_MOUNTS)  # io_uring_setup, memfd_secret
# In this order: memfd_create, shmget, msgget, unshare, setns, mount, umount2, pivot_root, keyctl,
# add_key, request_key, bpf, perf_event_open, userfaultfd, ptrace, semget, vmsplice, io_setup,
# sched_setaffinity.
X86_64 = (319, 29, 68, 272, 308, 165, 166, 155, 250, 248, 249, 321, 298, 323, 101)
X86_64 += (64, 278, 206, 203)
AARCH64 = (279, 194, 186, 97, 268, 40, 39, 41, 219, 217, 218, 280, 241, 282, 117)
AARCH64 += (190, 75, 0, 122)
CLONE3 = 435  # its flags cannot be seen; without it, clone is used
FAMILIES = (1, 2, 10, 16)  # of sockets: unix, both of the internet, and netlink
LOCKS = (6, 7, 37, 38)  # F_SETLK and its kin: each of millions takes memory
MACHINES = {
    "x86_64": (0xC000003E, 56, 41, 72, (*X86_64, *EVERYWHERE)),
    "aarch64": (0xC00000B7, 220, 198, 25, (*AARCH64, *EVERYWHERE)),
}


def program(machine):
    """Return the filter for a machine, as bubblewrap takes it.

    Raises
    ------
    KeyError
        If the numbers of its system calls are not known here.
    """
    code, clone, socket, fcntl, refused = MACHINES[machine]
    absent, denied = REFUSE | errno.ENOSYS, REFUSE | errno.EPERM
    lines = [(LOAD, 0, 0, MACHINE), (EQUAL, 1, 0, code), (RETURN, 0, 0, absent)]
    lines += [(LOAD, 0, 0, NUMBER)]
    lines += [(AT_LEAST, 0, 1, 0x40000000), (RETURN, 0, 0, absent)]  # a second set of numbers
    lines += [(EQUAL, 0, 1, CLONE3), (RETURN, 0, 0, absent)]
    for number in refused:
        lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, denied)]
    lines += [(EQUAL, 0, 2 * len(FAMILIES) + 2, socket), (LOAD, 0, 0, FIRST_ARGUMENT)]
    for family in FAMILIES:
        lines += [(EQUAL, 0, 1, family), (RETURN, 0, 0, ALLOW)]
    lines += [(RETURN, 0, 0, REFUSE | errno.EAFNOSUPPORT)]
    lines += [(EQUAL, 0, 2 * len(LOCKS) + 2, fcntl), (LOAD, 0, 0, SECOND_ARGUMENT)]
    for lock in LOCKS:
        lines += [(EQUAL, 0, 1, lock), (RETURN, 0, 0, REFUSE | errno.ENOLCK)]
    lines += [(RETURN, 0, 0, ALLOW)]
    lines += [(EQUAL, 0, 3, clone), (LOAD, 0, 0, FIRST_ARGUMENT)]
    lines += [(ANY_BIT, 0, 1, NEW_USER), (RETURN, 0, 0, denied), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def start(command, **options):
    """Start bubblewrap with the filter; see `subprocess.Popen`."""
    read, write = os.pipe()
    try:
        os.write(write, program(platform.machine()))
        os.close(write)
        command = [command[0], "--seccomp", str(read), *command[1:]]
        return subprocess.Popen(command, pass_fds=(read,), **options)
    finally:
        os.close(read)

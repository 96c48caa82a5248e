"""A Python kernel in the sandbox: it runs cells and answers questions."""

import os
import queue
import secrets
import sys
import time

import zmq
from jupyter_client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from grading.outputs import FLOOD, Outputs
from grading.sandbox import Sandbox
from grading.sockets import hold

LARGEST = 16 * 2**20  # bytes of one message; the connection is closed at a larger one
PORTS = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")


class KernelGone(Exception):
    """The kernel ended, or does not answer any more; its text says why."""


class Kernel:
    """A kernel that has run nothing yet.

    Parameters
    ----------
    files : str
        A folder whose files lie beside the notebook.
    limits : Limits
        See `grading.sandbox`.

    Raises
    ------
    KernelGone
        If it does not start within a minute.
    """

    def __init__(self, files, limits):
        self.limits = limits
        self.sandbox = Sandbox(self._command, files, limits)
        context = zmq.Context()
        context.setsockopt(zmq.MAXMSGSIZE, LARGEST)
        context.setsockopt(zmq.RCVHWM, 100)
        context.setsockopt(zmq.LINGER, 0)
        self.client = BlockingKernelClient(context=context)
        held = [f"kernel-{self.connection[port]}" for port in PORTS]
        self.client.load_connection_info(self.connection | {"ip": f"{self.sandbox.own}/kernel"})
        # No code of a student has run yet, so these are the sockets of the kernel.
        if not hold(self.sandbox.folder, self.sandbox.own, held, lambda: self.sandbox.alive):
            self.sandbox.kill()
            raise KernelGone("the kernel did not start")
        self.client.start_channels(stdin=False, hb=False)
        try:
            self.client.wait_for_ready(timeout=60)
        except RuntimeError:
            self.kill()
            raise KernelGone("the kernel did not start") from None

    def _command(self, folder):
        place = f"{folder}/kernel"
        ports, key = dict.fromkeys(PORTS, 0), secrets.token_hex().encode()
        path, self.connection = write_connection_file(
            f"{folder}/k.json", transport="ipc", ip=place, key=key, **ports
        )
        os.chmod(path, 0o644)  # in the sandbox it belongs to another user
        # A database of what was typed would need locks, which are refused.
        quiet = "--HistoryManager.enabled=False"
        return [sys.executable, "-m", "ipykernel_launcher", "-f", path, quiet]

    def run(self, source, seconds):
        """Run a cell.

        Parameters
        ----------
        source : str
        seconds : float
            When they are over, the cell is interrupted, and the kernel ended if that does not help.

        Returns
        -------
        list of NotebookNode
            What the cell printed and showed: text and pictures.

        Raises
        ------
        KernelGone
            If the kernel ended; ``outputs`` holds what it had shown before.
        """
        message = self.client.execute(source, allow_stdin=False)
        outputs = Outputs(self.limits.output)
        try:
            if not self._collect(message, outputs, seconds):
                outputs.error("Timeout", f"the cell took more than {seconds:.0f} seconds")
                self._interrupt()
                if not self._collect(message, outputs, 5):
                    raise self._gone(f"a cell took more than {seconds:.0f} seconds and went on")
        except KernelGone as error:
            error.outputs = outputs.cells
            raise
        return outputs.cells

    def ask(self, text, seconds):
        """Return the answer to a question, as text.

        Raises
        ------
        KernelGone
            If there is none in time, or the kernel ends.
        """
        expression = f'__import__("answer_in_kernel").answer("{text}", globals())'
        message = self.client.execute(
            "",
            silent=True,
            store_history=False,
            stop_on_error=False,
            allow_stdin=False,
            user_expressions={"answer": expression},
        )
        reply = self._reply(message, seconds)
        # What was shown on the way is of no interest, but must not fill the channel.
        for _ in range(1000):
            if not self.client.iopub_channel.msg_ready():
                break
            self._next(self.client.get_iopub_msg, "the kernel ended while it was asked")
        try:
            return reply["content"]["user_expressions"]["answer"]["data"]["application/x-answer"]
        except (KeyError, TypeError):
            return ""  # which `read` refuses

    def kill(self, reason=""):
        """End the kernel and all that it started."""
        self.sandbox.kill(reason)
        self.client.stop_channels()
        self.client.context.destroy(linger=0)

    def _collect(self, message, outputs, seconds):
        """Take what a cell shows, until it is done or the time is over."""
        end, silent = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            found = self._next(self.client.get_iopub_msg, "the kernel ended in this cell")
            # After a flood the message that says that the cell is done may be among the lost.
            silent = 0 if found else silent + 1
            if silent and self.client.shell_channel.msg_ready():
                reply = self._next(self.client.get_shell_msg, "the kernel ended in this cell")
                outputs.replied = outputs.replied or is_for(reply, message)
            if silent > 5 and outputs.replied:
                outputs.lost()
                self._connect_again()
                return True
            if not is_for(found, message):
                continue
            content = found.get("content", {})
            if found["msg_type"] == "status" and content.get("execution_state") == "idle":
                return True
            outputs.add(found["msg_type"], content)
            if outputs.bytes > FLOOD * self.limits.output:
                raise self._gone(f"a cell printed more than {outputs.bytes // 2**20} MB")
        return False

    def _connect_again(self):
        """Open the channel of outputs again, which a message that is too long has closed."""
        self.client.iopub_channel.stop()
        self.client._iopub_channel = None  # so that the next use makes a new one
        self.client.iopub_channel.start()
        end = time.monotonic() + 10
        while time.monotonic() < end:
            asked = self.client.kernel_info()
            for _ in range(3):
                found = self._next(self.client.get_iopub_msg, "the kernel ended in this cell")
                if is_for(found, asked):
                    return
        raise self._gone("the kernel does not answer any more")

    def _reply(self, message, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self._next(self.client.get_shell_msg, "the kernel ended while it was asked")
            if is_for(found, message):
                return found
        raise self._gone(f"no answer within {seconds:.0f} seconds")

    def _next(self, get, ended):
        """Return a message, or ``None`` when there is none for a while."""
        try:
            found = get(timeout=0.2)
        except queue.Empty:
            if not self.sandbox.alive:
                raise self._gone(ended) from None
            return None
        except Exception:  # whatever a forged message breaks
            raise self._gone("unreadable messages") from None
        if not isinstance(found.get("content"), dict):
            raise self._gone("unreadable messages")
        return found

    def _interrupt(self):
        self.client.control_channel.send(self.client.session.msg("interrupt_request"))

    def _gone(self, reason):
        self.kill(reason)
        return KernelGone(self.sandbox.reason)


def is_for(found, message):
    """Whether a message answers the one with this number."""
    parent = found.get("parent_header") if found else None
    return isinstance(parent, dict) and parent.get("msg_id") == message

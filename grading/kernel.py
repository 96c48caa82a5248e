"""A Python kernel in the sandbox: it runs cells and answers questions."""

import base64
import binascii
import os
import queue
import secrets
import sys
import time

import zmq
from jupyter_client import BlockingKernelClient
from jupyter_client.connect import write_connection_file
from nbformat.v4 import new_output

from grading.sandbox import Sandbox

LARGEST = 16 * 2**20  # bytes of one message; the connection is closed at a larger one
FLOOD = 50  # a cell that prints so many times what is kept has its kernel ended
PORTS = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")
PICTURES = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8"}


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
        self.client.load_connection_info(self.connection)
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
        return [sys.executable, "-m", "ipykernel_launcher", "-f", path]

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


def writable(text):
    """Return a text that a file can hold: half a pair of UTF-16 is a question mark."""
    return text.encode("utf-8", "replace").decode()


def line(text):
    r"""Return a text as one line that a terminal shows, and does not obey.

    Examples
    --------
    >>> line("a\x1b[2Jb\nc")
    'a?[2Jb?c'
    """
    return "".join(one if one.isprintable() else "?" for one in text)


class Outputs:
    """What one cell shows, of which only text and pictures are kept, up to a limit."""

    def __init__(self, limit):
        self.cells, self.limit, self.bytes, self.replied = [], limit, 0, False

    def add(self, kind, content):
        """Take one message of the kernel, and nothing of it that could act in a page."""
        if kind == "clear_output":
            self.cells = []
        elif kind == "stream":
            self._text(content.get("name"), str(content.get("text", "")))
        elif kind == "error":
            lines = content.get("traceback")
            lines = [str(line) for line in lines] if isinstance(lines, list) else []
            self.error(content.get("ename"), content.get("evalue"), lines)
        elif kind in ("execute_result", "display_data"):
            data = content.get("data")
            self._shown(data if isinstance(data, dict) else {})

    def error(self, name, value, lines=()):
        """Add an error."""
        name, value = writable(str(name)[:200]), writable(str(value)[:2000])
        text = writable("\n".join(lines)) or f"{name}: {value}"
        if self._room(text):
            shown = {"ename": name, "evalue": value, "traceback": text[:20_000].split("\n")}
            self.cells.append(new_output("error", **shown))

    def lost(self):
        """Say that there was more than could be read."""
        said = "\n... some of what was printed was lost, as it was too much at once\n"
        self.cells.append(new_output("stream", name="stderr", text=said))

    def _text(self, name, text):
        name = name if name in ("stdout", "stderr") else "stdout"
        text = writable(text)
        if not self._room(text):
            return
        last = self.cells[-1] if self.cells else None
        if last is not None and last.output_type == "stream" and last.name == name:
            last.text += text
        else:
            self.cells.append(new_output("stream", name=name, text=text))

    def _shown(self, data):
        for kind, start in PICTURES.items():
            text = data.get(kind)
            if not isinstance(text, str):
                continue
            self.bytes += len(text)
            try:
                raw = base64.b64decode(text)
            except (binascii.Error, ValueError):
                continue
            if raw.startswith(start) and len(raw) < 5 * 2**20 and self.bytes < self.limit * FLOOD:
                picture = {kind: base64.b64encode(raw).decode()}
                self.cells.append(new_output("display_data", picture))
                return
        text = data.get("text/plain")
        if isinstance(text, str) and self._room(text):
            self.cells.append(new_output("display_data", {"text/plain": writable(text)}))

    def _room(self, text):
        """Whether a text is to be kept; says once that the rest is not."""
        before, self.bytes = self.bytes, self.bytes + len(text)
        if self.bytes <= self.limit:
            return True
        if before <= self.limit:
            said = f"\n... only the first {self.limit} bytes are kept\n"
            self.cells.append(new_output("stream", name="stderr", text=said))
        return False

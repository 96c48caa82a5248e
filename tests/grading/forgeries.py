"""Answers and messages that lie, or that are none; the rest is as in `tests.grading.attacks`."""

import json

from tests.grading.attacks import TRY, Attack


def forged(*answers, words=("unreadable",), draw=0, count=0):
    """Replace the module that answers; each question gets the next text."""
    code = f"texts = {[json.dumps(one) if type(one) is dict else one for one in answers]!r}\n"
    code += """
import sys, types
class Reply:
    def __init__(self, text): self.text = text
    def _repr_mimebundle_(self, **kwargs): return {"application/x-answer": self.text}
fake = types.ModuleType("answer_in_kernel")
fake.answer = lambda text, names: Reply(texts.pop(0))
sys.modules["answer_in_kernel"] = fake
"""
    return Attack(code, draw, count, list(words))


def array(dtype="float64", shape=(2,), data="AAAAAAAAAAAAAAAAAAAAAA==", tensor=False):
    return {"value": {"data": data, "dtype": dtype, "shape": shape, "tensor": tensor}}


def message(code, words=(), draw=4, count=2):
    """Send messages of the student's own on the channel of outputs."""
    start = """
import json, time, uuid
kernel = get_ipython().kernel
parent = kernel.get_parent("shell")
def send(kind="stream", content={}, parent=parent, **header):
    message = kernel.session.msg(kind, {}, parent if isinstance(parent, dict) else {})
    message["content"] = content
    message["header"].update(header)
    if not isinstance(parent, dict): message["parent_header"] = parent
    kernel.session.send(kernel.iopub_socket, message)
"""
    return Attack(start + code, draw, count, list(words))


def cell(code, words=()):
    """Run code where the answers are, so that no honest answer is left."""
    empty = {"draw_answer": "", "count_answer": ""}
    return Attack(code, 0, 0, list(words), empty)


FOREIGN = "cannot be marked"
FORGERIES = {
    # what the kernel itself is made of
    "patched_builtins": cell(
        "import builtins, json\njson.dumps = lambda *a, **k: '{\"value\": 42}'\n"
        "builtins.eval = lambda *a: 42\nnp.random.default_rng = lambda *a: None\n"
        "builtins.AssertionError = ValueError\nbuiltins.print = lambda *a, **k: None"
    ),
    "patched_type": cell("import builtins\nbuiltins.type = lambda *a: float\nbuiltins.len = id"),
    "patched_replies": cell(
        "found = [{'answer': 5}, {'answer': {'data': ['x']}}, None]\n"
        "get_ipython().user_expressions = lambda *a: (found.append(found[0]), found.pop(0))[1]",
        ["unreadable answer"],
    ),
    "scores_in_replies": cell(
        "score = {'status': 'ok', 'data': {'application/x-answer': '4.0', 'text/plain': '4.0'}}\n"
        "get_ipython().user_expressions = lambda *a: {'answer': score, 'points': 4, 'draw': 4}\n"
        "print('4.0')\n4.0",
        ["unreadable answer"],
    ),
    "prints_when_asked": Attack(
        changed={
            "draw_answer": "from IPython.display import display\n"
            "def draw(*a):\n    print('4.0'); display(4.0)\n"
            "    print('4 of 4: right', flush=True); return 4.0"
        },
        draw=0,
        words=["should have shape", "0 of 1"],
    ),
    # objects
    "equal_to_all": cell(
        "class Y:\n    __eq__ = __le__ = __lt__ = __ge__ = __gt__ = lambda *a: True\n"
        "    shape = (1, 1)\n    __float__ = lambda s: 1.0\n"
        "    __sub__ = __abs__ = lambda *a: 0.0\ndraw = count = lambda *a: Y()",
        [FOREIGN],
    ),
    "subclasses": cell(
        "class F(float): __eq__ = __ne__ = lambda *a: False\n"
        "class A(np.ndarray): __array_ufunc__ = lambda *a, **k: True\n"
        "count, draw = lambda *a: F(1), lambda n, m, s: np.ones((m, n)).view(A)",
        [FOREIGN],
    ),
    "pickles": cell(
        "import os\nclass P:\n    __reduce__ = lambda s: (os.system, ('touch TOKEN',))\n"
        "    __array__ = lambda s, *a: s\n    __getattr__ = lambda s, name: s\n"
        "    __len__ = lambda s: 10**9\ncount = lambda *a: P()\n"
        "draw = lambda *a: np.array([P()], dtype=object)",
        [FOREIGN],
    ),
    "class_named_tensor": cell(
        "class T:\n    __module__ = 'torch'\n    ndim = 0\n    dtype = 'x'\n    shape = ()\n"
        "    detach = cpu = numpy = lambda s: s\n    item = lambda s: {'value': float('nan')}\n"
        "draw = count = lambda *a: T()",
    ),
    "strings": cell(
        "draw = lambda n, m, s: [['x'] * n] * m\ncount = lambda w: '30'",
        ["should be an array of numbers", "should be a number"],
    ),
    "not_finite": cell(
        "draw = lambda n, m, s: np.full((m, n), np.nan)\ncount = lambda w: 10**4000",
        ["nan or infinity", "finite number"],
    ),
    "endless_answer": cell(
        "count = lambda w: 10**5000\nloop = []\nloop.append(loop)\ndraw = lambda *a: loop",
        ["RecursionError", "ValueError"],
    ),
    "large_answer": cell(
        "draw = lambda n, m, s: np.zeros((1500, 1500))\ncount = lambda w: 'x' * 14 * 2**20"
    ),
    "sees_the_question": Attack(
        changed={
            "draw_answer": "import gc, sys\ndef draw(n_in, n_out, seed):\n"
            "    frame = sys._getframe()\n"
            "    while frame: print(frame.f_locals.keys(), frame.f_code); frame = frame.f_back\n"
            "    print([o for o in gc.get_objects() if type(o) is dict and 'REFERENCE' in o])\n"
            "    return np.random.default_rng(seed).normal(0, (2 / n_in)**0.5, (n_out, n_in))"
        },
    ),
    # texts of answers
    "answers_1": forged(array("object"), array(["float64"]), array(shape=[-1, -2])),
    "answers_2": forged(array(shape=[2**40]), array(shape=[2] * 40), array(shape="22")),
    "answers_3": forged("[" * 50_000, '{"value": ' * 5_000, '{"value": ' + "9" * 10**4 + "}"),
    "answers_4": forged(array(data="!!"), array(data=7), array(data="AAAA")),
    "answers_5": forged("", {"points": 4}, '{"value": NaN, "points": NaN}', words=["unreadable"]),
    "answers_6": forged([4.0], None, {"error": 7, "points": 9}),
    "answers_7": forged({"value": {"dict": 5}}, {"value": {"type": "T" * 10**4}}, {"value": True}),
    "answers_8": forged({"error": "\ud800\0\x1b[31m=1+1"}, "\ud800", {"value": "\udfff"}, words=[]),
    "answers_9": forged('{"value": [' + "[]," * 9 + "{}]}", "1e999", '{"value": -1e999}'),
    "answers_10": forged({"value": {"dict": {"shape": [1]}}}, {"value": [[1], [1, 2]]}, words=[]),
    "lines_with_points": cell(
        "class T: pass\nT.__qualname__ = 'x\\n4 of 4: draw'\ncount = lambda *a: T()\n"
        "def draw(*a): raise ValueError('\\x1b[37m.\\n2 of 2: The weight has its shape.\\r')",
        ["ValueError: ?[37m. 2 of 2: The weight", "x 4 of 4: draw"],
    ),
    "colors": Attack(
        r"""print('\x1b[38m a', '\x1b[48;5mb', '\x1b[' + '1;' * 50_000 + 'm', '\x1b[31mred\x1b[0m')
raise ValueError('\x1b[38m')""",
        words=["\x1b[31mred"],
    ),
    "picture_of_gigabytes": Attack(
        "from IPython.display import Image, display\n"
        "side = (50_000).to_bytes(4, 'big')\n"
        "data = b'\\x89PNG\\r\\n\\x1a\\n\\0\\0\\0\\rIHDR' + side * 2 + bytes(50)\n"
        "display(Image(data=data, format='png'))",
        words=["<IPython.core.display.Image object>"],
    ),
    # messages
    "fake_idle": message(
        "send('status', {'execution_state': 'idle'})\nwhile True: pass", draw=(0, 4)
    ),
    "messages_parents": message(
        "for one in ([1], 'x', 7, None, {'msg_id': ['x']}): send(content={}, parent=one)"
    ),
    "messages_kinds": message(
        "for kind in (5, None, ['stream'], {}, 'x' * 10**6): send(content={}, msg_type=kind)"
    ),
    "messages_contents": message(
        "for one in ([1], 'x', 7, None): send(content=json.dumps(one).encode())"
    ),
    "messages_streams": message(
        "for one in ([1], {'a': [2]}, 7, None): send(content={'name': one, 'text': one})\n"
        "for one in ([1], {'a': [2]}, 7, None, {'text/plain': 4}, {'image/png': ['x']},\n"
        "            {'image/png': '!'}, {'image/png': 'iVBORw0K'}, {'text/html': '<script>'}):\n"
        "    send('display_data', {'data': one, 'metadata': one, 'transient': one})\n"
        "    send('execute_result', {'data': one, 'execution_count': one})\n"
        "    send('error', {'ename': one, 'evalue': one, 'traceback': one})\n"
        "    send('error', {'traceback': [one]})\n"
        "    send('update_display_data', one); send('clear_output', {'wait': one})\n"
        "    send('comm_open', {'comm_id': one, 'target_name': one, 'data': one})"
    ),
    "messages_surrogates": message(
        r"""send(content=b'{"name": "stdout", "text": "a\\ud800b"}')
send('display_data', content=b'{"data": {"text/plain": "\\udfff"}}')
send('error', content=b'{"ename": "\\ud801", "evalue": "\\ud802", "traceback": ["\\ud803"]}')
print("c\ud800d\udc80")"""
    ),
    "messages_deep": message(
        "send(content=b'{\"text\": ' + b'[' * 900 + b']' * 900 + b'}')\n"
        "send(content=b'{\"text\": ' + b'[' * 10**5 + b']' * 10**5 + b'}')"
    ),
    "messages_broken": message(
        "send(content=b'{\"text\": ')\nsend(content=b'\\xff\\xfe')\n"
        "kernel.iopub_socket.send(b'junk')\n"
        "kernel.iopub_socket.send_multipart([b'<IDS|MSG>', b'x'])"
    ),
    "messages_unsigned": message(
        "kernel.session.key = b'another'\nsend(content={'name': 'stdout', 'text': 'unsigned'})"
    ),
    "messages_huge": message("send(content={'name': 'stdout', 'text': 'x' * 17 * 2**20})"),
    "messages_grade": message(
        "send('execute_result', {'data': {'text/plain': '4.0'}, 'metadata': {}})\n"
        "send(content={'name': 'stdout', 'text': '4.0'}, parent={'msg_id': 'draw'})"
    ),
    "socket_junk": Attack(
        TRY + "place = glob.glob('/tmp/k-*')[0]\nfor path in glob.glob(place + '/kernel*'):\n"
        "    with socket.socket(socket.AF_UNIX) as one:\n"
        "        one.connect(path); one.send(os.urandom(70_000))\n"
        "print('sent')",
    ),
    "socket_replaced": Attack(
        TRY + "import os, glob, threading\n"
        "for path in glob.glob(glob.glob('/tmp/k-*')[0] + '/kernel*'):\n"
        "    os.unlink(path)\n    server = socket.socket(socket.AF_UNIX); server.bind(path)\n"
        "    server.listen()\n"
        "    def junk(server=server):\n"
        "        while True:\n            one = server.accept()[0]\n"
        "            try: one.sendall(os.urandom(70_000))\n            except OSError: pass\n"
        "    threading.Thread(target=junk, daemon=True).start()\n"
        "    servers = globals().setdefault('servers', []) + [server]\n"
        "for number in range(3, 200):\n"
        "    try:\n        one = socket.socket(fileno=os.dup(number))\n"
        "        if one.family == socket.AF_UNIX and one.getpeername() is not None:\n"
        "            one.shutdown(socket.SHUT_RDWR)\n"
        "    except OSError: pass\ntime.sleep(1.5)",
    ),
    "message_without_end": Attack(
        TRY
        + """
from ipykernel.kernelapp import IPKernelApp
app = IPKernelApp.instance()
path = f"{app.ip}-{app.iopub_port}"
for number in map(int, os.listdir("/proc/self/fd")):  # a new socket of this name is not asked
    try: one = socket.fromfd(number, socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError: continue
    listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if listens and one.getsockname() == path:
        server = one; server.setblocking(True)
        os.dup2(os.open("/dev/null", os.O_RDONLY), number)
def send():
    one = server.accept()[0]
    one.sendall(b"\\xff" + bytes(8) + b"\\x7f\\3\\0" + b"NULL".ljust(20, b"\\0") + bytes(32))
    one.recv(64)
    ready = b"\\x05READY\\x0bSocket-Type\\0\\0\\0\\3PUB"
    one.sendall(bytes([4, len(ready)]) + ready)
    size = 15 * 2**20  # of each part; each says that there is another
    for _ in range(68): one.sendall(b"\\3" + size.to_bytes(8, "big") + bytes(size))
threading.Thread(target=send, daemon=True).start()
for number in range(3, 200):
    try:
        one = socket.socket(fileno=os.dup(number))
        if one.getsockname() == path and one.getpeername() is not None:
            one.shutdown(socket.SHUT_RDWR)
    except OSError: pass
time.sleep(4)
""",
        # On a busy machine the kernel's own thread may meet the socket first, and ends at once.
        words=["messages of more than 700 MB OR the kernel ended in this cell"],
    ),
    "key_changed": Attack(
        TRY + "path = glob.glob('/tmp/k-*/k.json')[0]\n"
        "tried('the file of the key', lambda: open(path, 'a').write('x'))\n"
        "os.unlink(path); os.symlink('ROOT/secret', path)",
    ),
}

"""What a node answers at its control socket, to programs of ours and to others."""
import json
import os
import socket
import subprocess

import pytest
from content import MIB, files_of
from nodes import Node, wait_for

ERR_OK, ERR_INVALID, ERR_NOT_FOUND, ERR_UNSUPPORTED = 0, 3, 5, 15
HASH = "sha256:" + "ab" * 32


class Asking:
    def __init__(self, larder, *questions):
        home = os.open(larder.home, os.O_PATH)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(30)
        self.socket.connect("/proc/self/fd/%d/control" % home)
        os.close(home)
        self.file = self.socket.makefile("r", encoding="utf-8")
        for question in questions:
            text = question if isinstance(question, str) else json.dumps(question)
            self.socket.sendall(text.encode() + b"\n")

    def lines(self):
        """All of them, the last one behind the others."""
        for text in self.file:
            line = json.loads(text)
            yield line
            if "end" in line:
                return

    def close(self):
        self.file.close()
        self.socket.close()


def ask(larder, *questions):
    asking = Asking(larder, *questions)
    lines = list(asking.lines())
    asking.close()
    return lines


def listed(hub, model, changes=()):
    entry = files_of(model)["model.safetensors"]
    question = {"ask": "fetch", "hub": hub.url, "repo": "org/model", "commit": model.find("main").sha, "visibility": "public",
                "path": "model.safetensors", "size": entry.size, "digest": "sha256:" + entry.sha256}
    question.update(changes)
    return {key: value for key, value in question.items() if value is not None}


@pytest.fixture
def node(larder):
    with Node(larder) as node:
        yield node


@pytest.mark.asan
def test_a_file_is_fetched_with_progress(hub, larder, node, model):
    hub.fault(action="slow", kind="cdn", rate=4 * MIB)
    lines = ask(larder, listed(hub, model))
    last = lines[-1]
    size = files_of(model)["model.safetensors"].size
    assert last["end"] == ERR_OK and last["bytes_from_hub"] == last["bytes_done"] == last["size"] == size and not last["was_held"]
    assert any(0 < line["bytes_done"] < size for line in lines[:-1])
    assert ask(larder, listed(hub, model))[-1]["was_held"]
    assert larder.held() == {last["digest"].split(":")[1]}


@pytest.mark.asan
@pytest.mark.parametrize("changes,code", [
    ({"hub": "http://127.0.0.1:1"}, ERR_UNSUPPORTED), ({"hub": None}, ERR_UNSUPPORTED), ({"hub": 7}, ERR_UNSUPPORTED),
    ({"repo": "../etc"}, ERR_INVALID), ({"repo": ""}, ERR_INVALID), ({"repo": []}, ERR_INVALID), ({"repo": "datasets/"}, ERR_INVALID),
    ({"commit": "main"}, ERR_INVALID), ({"commit": None}, ERR_INVALID),
    ({"path": "../../x"}, ERR_INVALID), ({"path": "/etc/passwd"}, ERR_INVALID), ({"path": "a\nb"}, ERR_INVALID),
    ({"visibility": "shown"}, ERR_INVALID), ({"visibility": None}, ERR_INVALID),
    ({"size": -1}, ERR_INVALID), ({"size": 1 << 62}, ERR_INVALID), ({"digest": "x"}, ERR_INVALID), ({"digest": None}, ERR_INVALID),
    ({"repo": None, "digest": "git-sha1:" + "ab" * 20}, ERR_INVALID), ({"repo": None, "digest": HASH}, ERR_NOT_FOUND)])
def test_questions_that_make_no_sense(hub, larder, node, model, changes, code):
    last = ask(larder, listed(hub, model, changes))[-1]
    assert last["end"] == code and last["why"]
    assert ask(larder, {"ask": "status"})[-1]["end"] == ERR_OK
    assert larder.held() == set()


@pytest.mark.asan
@pytest.mark.parametrize("digests", [None, [], "x", [7], ["x"], [HASH] * 4097])
def test_who_with_nonsense(larder, node, digests):
    assert ask(larder, {"ask": "who", "digests": digests})[-1]["end"] == ERR_INVALID


def test_who_of_many(larder, node):
    last = ask(larder, {"ask": "who", "digests": [HASH] * 4096, "listen_ms": -5})[-1]
    assert (last["end"], last["heard"]) == (ERR_OK, 0)


@pytest.mark.asan
def test_two_questions_on_one_connection(hub, larder, model):
    with Node(larder, "--discovery", "embedded", "--interface", "lo") as node:  # so that the first waits for neighbours
        for first in ({"ask": "who", "digests": [HASH]}, {"ask": "list"}, {"ask": "peers"}, {"ask": "status"}, listed(hub, model)):
            asking = Asking(larder, dict(first, listen_ms=10000), {"ask": "status"})
            asking.close()
            assert ask(larder, dict(first, listen_ms=10000), {"ask": "status"})[-1]["end"] in (ERR_OK, ERR_INVALID)
        assert ask(larder, {"ask": "status"})[-1]["pid"] == node.process.pid


@pytest.mark.asan
def test_a_question_taken_back(hub, larder, node, model):
    hub.fault(action="slow", kind="cdn", rate=MIB)
    asking = Asking(larder, listed(hub, model))
    next(asking.lines())
    assert ask(larder, {"ask": "status"})[-1]["transfers"]
    asking.close()
    wait_for(lambda: not ask(larder, {"ask": "status"})[-1]["transfers"], "nobody wants it any more")


@pytest.mark.skipif(os.getuid() != 0, reason="asking as another user needs root")
def test_another_user_is_not_answered(larder, node):
    code = ("import os, socket, sys\ns = socket.socket(socket.AF_UNIX)\nhome = os.open(sys.argv[1], os.O_PATH)\nos.setuid(65534)\n"
            "try:\n  s.connect('/proc/self/fd/%d/control' % home)\n  s.sendall(b'{\"ask\": \"status\"}\\n')\n  sys.exit(1 if s.recv(100) else 0)\n"
            "except OSError:\n  sys.exit(0)")
    assert subprocess.run(["python3", "-c", code, larder.home], timeout=30).returncode == 0

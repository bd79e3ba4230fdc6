"""The hub has had too many requests, and asks to wait for longer than clients wait for a byte."""
import json
import socket

import pytest
from content import files_of
from gateways import Connection, GatewayNode, ask

LONG = 11  # s
PATIENT = "User-Agent: unknown/None; hf_hub/1.30.0; python/3.11"


@pytest.fixture
def node(larder):
    with GatewayNode(larder) as node:
        yield node


def busy(hub, kind, seconds=LONG, times=1):
    hub.fault(action="busy", kind=kind, seconds=seconds, form="both", times=times)


def ask_impatiently(node, target, method="GET", headers=(), silence=8):
    """As a client that goes when nothing comes for so long."""
    with Connection(node) as connection:
        connection.socket.settimeout(silence)
        connection.ask(target, method, headers)
        return connection.answer(without_body=method == "HEAD")


@pytest.mark.parametrize("method, headers, status", [("HEAD", [], 200), ("GET", [], 200), ("GET", ["Range: bytes=3-9"], 206)])
def test_a_file(hub, node, model, method, headers, status):
    busy(hub, "head")
    entry = files_of(model)["model.safetensors"]
    answer = ask_impatiently(node, "/org/model/resolve/main/model.safetensors", method, headers)
    assert answer.status == status and answer["X-Larder-Wait"].startswith("."), answer
    assert answer["ETag"] == '"%s"' % entry.etag
    if method == "GET":
        content = entry.source.read(0, entry.size)
        assert answer.body == (content[3:10] if status == 206 else content)
    else:
        assert answer["Content-Length"] == str(entry.size)


def test_a_file_that_is_not_there(hub, node, model):
    """A promise was made that cannot be kept: no client takes what comes for a file."""
    busy(hub, "head", times=2)
    answer = ask_impatiently(node, "/org/model/resolve/main/none.txt")
    assert answer.status == 200 and answer.is_closed and answer.body == b""
    answer = ask(node, "/org/model/resolve/main/none.txt")
    assert answer.status == 404 and answer["X-Error-Code"] == "EntryNotFound"


def test_who_waits_is_promised_nothing(hub, node, model):
    """It comes again, and then the answer is there."""
    busy(hub, "head")
    with pytest.raises(socket.timeout):
        ask_impatiently(node, "/org/model/resolve/main/none.txt", "HEAD", [PATIENT], silence=6)
    answer = ask(node, "/org/model/resolve/main/none.txt", "HEAD", [PATIENT])
    assert answer.status == 404 and answer["X-Error-Code"] == "EntryNotFound" and answer["X-Larder-Wait"] is None


def test_questions(hub, node, model):
    for target, kind in (("/api/models/org/model/tree/main?recursive=true", "tree"), ("/api/models/org/model", "info")):
        busy(hub, kind)
        answer = ask_impatiently(node, target)
        assert answer.status == 200 and answer["X-Larder-Wait"].startswith("."), answer
    busy(hub, "refs", seconds=1)
    answer = ask(node, "/api/models/org/model/refs")
    assert answer.status == 200 and answer["X-Larder-Wait"] is None


def test_what_is_sent_is_told_at_once(hub, node, model):
    """Whether to send it again is for the client to decide."""
    busy(hub, "any", times=None)
    answer = ask(node, "/api/models/org/model/commit/main", "POST", body=b"{}")
    assert answer.status == 429 and answer["Retry-After"] == str(LONG)


# --- no answer at all

def test_one_silence_is_enough(hub, node, model):
    """A question that was passed on got no answer: nobody else has to wait for that."""
    assert ask(node, "/org/model/resolve/main/config.json", "HEAD").status == 200
    hub.fault(action="hang", times=None)
    with Connection(node) as connection:
        connection.socket.settimeout(90)
        connection.ask("/api/models?search=x")
        assert connection.answer().status == 504
    before = hub.counters()["total_requests"]
    assert ask(node, "/org/model/resolve/main/config.json", "HEAD").status == 200
    assert json.loads(ask(node, "/api/models/org/model/refs").body)["branches"][0]["name"] == "main"
    assert hub.counters()["total_requests"] == before

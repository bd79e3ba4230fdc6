"""Clients that leave before they are answered: nothing is kept for them."""
import contextlib
import time

import pytest
from gateways import Connection, GatewayNode

CLOSE_WAIT = "08"
DEADLINE_S = 10  # the hub may be silent for longer


@pytest.fixture
def node(larder):
    with GatewayNode(larder) as node:
        yield node


def left_behind(node):
    """How many connections the node still has whose clients have closed them."""
    port = "%04X" % node.gateway_address[1]
    with open("/proc/net/tcp", encoding="ascii") as table:
        lines = [line.split() for line in table][1:]
    return sum(line[1].endswith(":" + port) and line[3] == CLOSE_WAIT for line in lines)


def assert_noticed(node):
    end = time.monotonic() + DEADLINE_S
    while left_behind(node):
        assert time.monotonic() < end, "%d are kept" % left_behind(node)
        time.sleep(0.02)


@contextlib.contextmanager
def silent(hub, kind, hits=1):
    """A hub that is silent for what is of this kind; leave when so many have asked."""
    fault = hub.fault(action="hang", kind=kind)
    yield
    while hub.fault_hits(fault) < hits:
        time.sleep(0.01)


@pytest.mark.asan
@pytest.mark.parametrize("kind, target", [("resolve", "/org/model/resolve/main/config.json"), ("info", "/api/models/org/model"), ("content", "/org/model/resolve/main/model.safetensors")])
def test_while_the_hub_is_silent(hub, node, model, kind, target):
    with Connection(node) as connection, silent(hub, kind):
        connection.ask(target)
    assert_noticed(node)


@pytest.mark.asan
@pytest.mark.parametrize("piece", [" HTTP/1.1\r\nHost: %s\r\n\r\n", " HTTP/1.1\r\nHost: %s\r\nAccept: ", ""])
def test_at_once(hub, node, model, piece):
    """The end comes with the request, or before it was looked at."""
    hub.fault(action="hang", kind="info")
    for n in range(100):
        with Connection(node) as connection:
            connection.send("GET /api/models/org/model/revision/%d" % n + (piece % connection.host if piece else ""))
    assert_noticed(node)


@pytest.mark.asan
@pytest.mark.parametrize("framing, piece", [("Content-Length: 1000000", "x" * 1000), ("Transfer-Encoding: chunked", "3e8\r\n" + "x" * 1000)])
def test_in_the_midst_of_what_they_send(node, framing, piece):
    for _ in range(20):  # the last piece may come with the end, or before
        with Connection(node) as connection:
            connection.send("POST /api/models/org/model/commit/main HTTP/1.1\r\nHost: %s\r\n%s\r\nExpect: 100-continue\r\n\r\n" % (connection.host, framing))
            assert connection.head().endswith(b"100 Continue")
            connection.send(piece)
    assert_noticed(node)


@pytest.mark.asan
def test_in_the_midst_of_a_body(hub, node):
    hub.add("org/large", {"file.bin": (3 << 20, "large")})
    hub.fault(action="stall", kind="content", at=2 << 20)
    with Connection(node) as connection:
        connection.ask("/org/large/resolve/main/file.bin")
        assert b" 200 " in connection.head()
        while len(connection.rest) < 1 << 20:
            assert connection._more()
    assert_noticed(node)


@pytest.mark.asan
def test_who_has_nothing_more_to_say_is_answered(hub, node, model):
    """What was sent behind the first request is still to be answered."""
    with Connection(node) as connection:
        connection.ask("/org/model/resolve/main/config.json")
        connection.ask("/-/status")
        assert connection.answer().status == 200
        assert connection.answer().status == 200

"""What one program can take of the gateway, and what the gateway does not do for anybody."""
import contextlib
import os
import resource
import socket
import time

import pytest
from content import MIB
from gateways import Connection, GatewayNode, ask
from nodes import wait_for

TARGET = "/org/model/resolve/main/config.json"
IDLE = 4300  # more than it takes on one address
PATIENCE_S = 15  # less than idle connections may stay
LISTEN = "0A"
LONG = os.environ.get("LARDER_LONG") == "1"
LONG_S = 180  # more than sending may take
SPARE = 5  # descriptors: fewer than connections
HELD = 256 * MIB
LARGE = 63 * MIB


@pytest.fixture
def node(larder):
    with GatewayNode(larder) as node:
        yield node


@contextlib.contextmanager
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def waiting(node):
    """How many connections the node has not taken yet."""
    port = "%04X" % node.gateway_address[1]
    with open("/proc/net/tcp", encoding="ascii") as table:
        lines = [line.split() for line in table][1:]
    return sum(int(line[4].split(":")[1], 16) for line in lines if line[1].endswith(":" + port) and line[3] == LISTEN)


def test_idle_connections_make_room(node, model):
    with descriptors(), contextlib.ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(socket.create_connection(node.gateway_address, timeout=PATIENCE_S))
        with Connection(node) as connection:
            connection.socket.settimeout(PATIENCE_S)
            connection.ask(TARGET)
            assert connection.answer().status == 200


@pytest.mark.asan
def test_descriptors_run_out_and_come_back(node, model):
    pid = node.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir("/proc/%d/fd" % pid)) + SPARE, hard))
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(node.gateway_address, timeout=PATIENCE_S))
        wait_for(lambda: waiting(node), "some wait to be taken")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
    assert ask(node, TARGET).status == 200


def test_what_is_sent_is_held_for_so_many_only(node, model):
    head = "POST /api/models/org/model/nothing HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n"
    with contextlib.ExitStack() as stack:
        for _ in range(HELD // LARGE):
            connection = stack.enter_context(Connection(node))
            connection.send(head % (connection.host, LARGE + 1))
            connection.send(bytes(LARGE))
        refused = ask(node, "/api/models/org/model/nothing", "POST", body=bytes(HELD % LARGE + 2 * MIB))
        assert refused.status == 503 and int(refused["Retry-After"]) > 0 and "try again" in refused["X-Error-Message"]
        assert ask(node, TARGET).status == 200
        connection.send(b"x")
        assert 400 <= connection.answer().status < 500
        assert 400 <= ask(node, "/api/models/org/model/nothing", "POST", body=bytes(16 * MIB)).status < 500


@pytest.mark.skipif(not LONG, reason="waits for two minutes; LARDER_LONG=1 runs it")
def test_who_sends_without_end_gives_room_back(node, model):
    with contextlib.ExitStack() as stack:
        senders = [stack.enter_context(Connection(node)) for _ in range(HELD // LARGE)]
        for sender in senders:
            sender.send("POST /api/models/org/model/nothing HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" % (sender.host, LARGE + MIB))
            sender.send(bytes(LARGE))
        end = time.monotonic() + LONG_S
        while ask(node, "/api/models/org/model/nothing", "POST", body=bytes(HELD % LARGE + 2 * MIB)).status == 503:
            assert time.monotonic() < end
            time.sleep(5)
            for sender in senders:
                with contextlib.suppress(OSError):
                    sender.send(b"x")


@pytest.mark.asan
@pytest.mark.parametrize("method, status", [("TRACE", 405), ("CONNECT", 405), ("PROPFIND", 501), ("get", 501), ("X", 501)])
@pytest.mark.parametrize("target", ["/api/models", TARGET, "/-/status"])
def test_methods_that_are_not_for_the_hub(hub, node, method, status, target):
    answer = ask(node, target, method, headers=["Authorization: Bearer hf_secret"])
    assert answer.status == status and "HEAD" in answer["Allow"] and "OPTIONS" in answer["Allow"] and "only" in answer["X-Error-Message"]
    assert b"hf_secret" not in answer.body and not hub.log()


def test_a_tunnel_to_anywhere(hub, node):
    for target in ("127.0.0.1:80", "huggingface.co:443"):
        answer = ask(node, target, "CONNECT")
        assert answer.status in (400, 405) and not hub.log()


def free_port():
    with socket.socket() as finder:
        finder.bind(("127.0.0.1", 0))
        return finder.getsockname()[1]


@pytest.fixture
def circle(larder, other):
    """Two gateways, each of which takes the other one for the hub."""
    ports = free_port(), free_port()
    larder.env["LARDER_HUB"], other.env["LARDER_HUB"] = ("http://127.0.0.1:%d" % port for port in reversed(ports))
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(GatewayNode(home, "--gateway", "off,127.0.0.1:%d" % port)) for home, port in zip((larder, other), ports)]


@pytest.mark.asan
@pytest.mark.parametrize("target", [TARGET, "/api/models/org/model", "/api/whoami-v2"])
def test_gateways_that_ask_each_other(circle, target):
    answer = ask(circle[0], target)
    assert answer.status == 508 and "itself" in answer["X-Error-Message"], answer
    assert ask(circle[1], target).status == 508

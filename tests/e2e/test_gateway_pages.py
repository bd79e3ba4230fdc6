"""The gateway's own pages, and sockets that a service manager hands over."""
import json
import os
import re
import socket
import subprocess

import pytest
from gateways import GatewayNode, ask
from nodes import Node, daemon_binary, wait_for


@pytest.fixture
def node(larder, model):
    with GatewayNode(larder, "--name", "desk") as node:
        yield node


def metrics(node):
    answer = ask(node, "/-/metrics")
    assert answer.status == 200 and answer["content-type"].startswith("text/plain; version=0.0.4")
    return {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", answer.body.decode(), re.MULTILINE)}


@pytest.mark.asan
def test_status(larder, node):
    answer = ask(node, "/-/status")
    assert answer.status == 200 and answer["content-type"].startswith("application/json")
    told = json.loads(answer.body)
    assert told["home"] == larder.home and told["name"] == "desk" and told["blobs"] == 0
    assert told["node"] == node.status()["node"] and told["larder"] == node.status()["version"]
    head = ask(node, "/-/status", "HEAD")
    assert head.status == 200 and head.body == b""


@pytest.mark.asan
def test_metrics_count(larder, node):
    before = metrics(node)
    assert before["larder_hub_bytes_total"] == 0 and before["larder_peers"] == 0
    larder.ok("get", "org/model")
    after = wait_for(lambda: (lambda now: now["larder_hub_bytes_total"] and now)(metrics(node)), "the bytes are counted")
    assert after["larder_held_blobs"] == len(larder.held()) and after["larder_hub_requests_total"] > 0
    assert after["larder_hub_bytes_total"] >= 5 << 20


def test_pages_name_no_file(larder, node):
    larder.ok("get", "org/model")
    for page in ("/-/status", "/-/metrics"):
        assert b"model" not in ask(node, page).body.replace(os.fsencode(larder.base), b"")


def test_asked_in_haste(node):
    """Who leaves before the answer does no harm."""
    for _ in range(200):
        with socket.create_connection(node.gateway_address) as connection:
            connection.sendall(b"GET /-/status HTTP/1.1\r\nHost: %s\r\n\r\n" % node.gateway_host.encode())
    assert ask(node, "/-/status").status == 200


# --- sockets of a service manager

class Activated(Node):
    """larderd as systemd starts it: with a listening socket as descriptor 3."""

    def __init__(self, larder, listener, *flags):
        self.listener = listener
        self.flags = flags
        super().__init__(larder, env={"LARDER_GATEWAY": "off,127.0.0.1:1"})
        self.gateway_address = listener.getsockname()
        self.gateway_host = "%s:%d" % self.gateway_address


@pytest.fixture
def activated(larder, monkeypatch):
    listener = socket.create_server(("127.0.0.1", 0))
    popen = subprocess.Popen

    def start(args, **options):
        if args[0] != daemon_binary():
            return popen(args, **options)
        wrapped = ["bash", "-c", 'exec 3<&%d; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=gateway exec "$@"' % listener.fileno(), "bash", *args]
        return popen(wrapped, pass_fds=[listener.fileno()], **options)

    monkeypatch.setattr(subprocess, "Popen", start)
    yield lambda: Activated(larder, listener)
    listener.close()


@pytest.mark.asan
def test_listens_where_it_is_told_to(larder, activated):
    with activated() as node:
        assert json.loads(ask(node, "/-/status").body)["home"] == larder.home
        assert node.gateway == "http://" + node.gateway_host
    # The socket is the manager's: who connects now is answered by the next one.
    with socket.create_connection(node.gateway_address, timeout=30) as early:
        early.sendall(b"GET /-/status HTTP/1.1\r\nHost: %s\r\n\r\n" % node.gateway_host.encode())
        with activated():
            assert early.recv(12) == b"HTTP/1.1 200"


def test_is_told_what_is_no_socket(larder):
    command = "exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec " + daemon_binary()
    done = subprocess.run(["sh", "-c", command], env=larder.environment(None), capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "ListenStream" in done.stderr

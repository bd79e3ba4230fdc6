"""The gateway's own pages, and sockets that a service manager hands over."""
import json
import os
import re
import socket
import subprocess

import pytest
from content import files_of
from gateways import Connection, GatewayNode, ask
from nodes import Node, daemon_binary, wait_for


TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123456789"


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


@pytest.mark.asan
def test_metrics_count_what_is_given(larder, node, model):
    weights = files_of(model)["model.safetensors"]
    size = weights.size
    cold = ask(node, "/org/model/resolve/main/model.safetensors")
    assert len(cold.body) == size and metrics(node)["larder_store_bytes_total"] == 0
    wait_for(lambda: weights.sha256 in larder.held(), "it is in the store")
    for times in (1, 2):
        assert len(ask(node, "/org/model/resolve/main/model.safetensors").body) == size
        assert metrics(node)["larder_store_bytes_total"] == times * size
    ask(node, "/org/model/resolve/main/model.safetensors", "HEAD")
    ask(node, "/org/model/resolve/main/model.safetensors", headers=["Range: bytes=10-19"])
    assert metrics(node)["larder_store_bytes_total"] == 2 * size + 10
    before = larder.ok("status", "--json").json["saved_bytes"]
    node.stop()
    assert larder.ok("status", "--json").json["saved_bytes"] == before + 2 * size + 10


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


# --- a blob by its digest

def blob_page(sha256):
    return "/-/blob/sha256/" + sha256


@pytest.fixture
def weights(larder, node, model):
    """model.safetensors, held."""
    larder.ok("get", "org/model")
    return files_of(model)["model.safetensors"]


@pytest.mark.asan
def test_blob_whole_and_in_parts(node, weights):
    page, content = blob_page(weights.sha256), weights.source.read(0, weights.size)
    for _ in range(2):  # checked chunk by chunk, then straight from the file
        answer = ask(node, page)
        assert answer.status == 200 and answer.body == content and answer["etag"] == '"%s"' % weights.sha256
    part = ask(node, page, headers=["Range: bytes=1048570-1048580"])
    assert part.status == 206 and part.body == content[1048570:1048581]
    assert part["content-range"] == "bytes 1048570-1048580/%d" % weights.size
    assert ask(node, page, headers=["Range: bytes=-3"]).body == content[-3:]
    beyond = ask(node, page, headers=["Range: bytes=%d-" % weights.size])
    assert beyond.status == 416 and beyond["content-range"] == "bytes */%d" % weights.size
    head = ask(node, page, "HEAD")
    assert head.status == 200 and int(head["content-length"]) == weights.size
    assert ask(node, page, headers=['If-None-Match: "%s"' % weights.sha256]).status == 304
    assert ask(node, page, "POST").status == 405 and ask(node, "/-/status", "DELETE").status == 405


@pytest.mark.asan
def test_blob_that_is_not_for_all(larder, hub, node):
    hub.add("org/secret", {"weights.safetensors": (2 << 20, "secret")})
    hub.add_token(TOKEN, "me")
    hub.protect("org/secret", private=True, readers=["me"])
    larder.ok("get", "org/secret", env={"HF_TOKEN": TOKEN})
    secret = files_of(hub.repo("org/secret"))["weights.safetensors"].sha256
    assert larder.has_blob(secret)
    refused, unknown = ask(node, blob_page(secret)), ask(node, blob_page("0" * 64))
    assert refused.status == unknown.status == 404 and refused.body == unknown.body
    assert ask(node, "/-/blob/sha256/short").status == 404


def test_blob_of_a_cache_that_changes(larder, other, hub, model):
    """What was checked once is checked again where somebody else may write to the file."""
    cache = os.path.join(larder.user_home, ".cache", "huggingface", "hub")
    other.ok("get", "org/model", "--hf-cache", env={"HF_HUB_CACHE": cache})
    weights = files_of(model)["model.safetensors"]
    path = os.path.join(cache, "models--org--model", "blobs", weights.sha256)
    with GatewayNode(larder) as node:
        larder.ok("adopt", "hf")
        wait_for(lambda: ask(node, blob_page(weights.sha256)).status == 200, "it is public")
        if os.stat(path).st_nlink == 1:
            pytest.skip("clones cannot be changed from outside")
        with Connection(node) as connection:
            connection.ask(blob_page(weights.sha256))
            assert connection.head()  # it has begun
            with open(path, "r+b") as file:
                file.seek(4 << 20)
                file.write(b"changed")
            while len(connection.rest) < weights.size and connection._more():
                pass
            content = weights.source.read(0, weights.size)
            wrong = [at for at, (a, b) in enumerate(zip(content, connection.rest)) if a != b]
            assert wrong == [] and len(connection.rest) <= weights.size
        assert ask(node, blob_page(weights.sha256)).status == 404
        hub.reset()
        assert ask(node, "/org/model/resolve/main/model.safetensors").body == weights.source.read(0, weights.size)


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

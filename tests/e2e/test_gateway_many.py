"""A repo of many files, and many nodes: what that costs the hub, and that its quotas are never a program's worry."""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from content import assert_holds
from gateways import GatewayNode
from larder import Larder

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from clients import RELEASES, python_with  # noqa: E402

REPO = "org/many"
COUNT = 200
LONG = os.environ.get("LARDER_LONG") == "1"
# What the hub allows to one address, each 300 s, and how many nodes are behind it; the short form has a part of the nodes, the quota, and the window.
API, RESOLVERS, WINDOW_S = 500, 3000, 300 if LONG else 10
NODES = 30 if LONG else 4
SNAPSHOT = "import sys; from huggingface_hub import snapshot_download; print(snapshot_download(sys.argv[1]))"


@pytest.fixture
def many(hub):
    return hub.add(REPO, {"%d/%d.%s" % (n % 7, n, "bin" if n % 2 else "txt"): (n * 100 + 1, "many%d" % n) for n in range(COUNT)})


def snapshot(node, cache, release=RELEASES[0], timeout=120):
    env = {"PATH": os.environ["PATH"], "no_proxy": "*", "HOME": str(cache), "HF_HOME": str(cache), "HF_ENDPOINT": node.gateway, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    done = subprocess.run([python_with(release), "-c", SNAPSHOT, REPO], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1], done.stderr


def metadata_requests(hub):
    return sum(count for kind, count in hub.counters()["requests"].items() if kind not in ("resolve", "cached", "cdn"))


@pytest.mark.parametrize("release", RELEASES)
def test_metadata_of_many_files(hub, larder, many, tmp_path, release):
    """All of it in three questions, and who comes later needs one."""
    with GatewayNode(larder) as node:
        assert_holds(snapshot(node, tmp_path / "one", release)[0], many)
        assert metadata_requests(hub) <= 3
        hub.reset()
        assert_holds(snapshot(node, tmp_path / "two", release)[0], many)
        assert metadata_requests(hub) <= 1 and hub.counters()["content_requests"] == 0


def test_many_nodes_behind_one_address(hub, many, tmp_path):
    """All begin at once, and nobody has anything. Each is told of the one before it: of one address no node takes more than 16 connections."""
    hub.quota("api", API * NODES // 30, WINDOW_S)
    hub.quota("resolvers", RESOLVERS * NODES // 30, WINDOW_S)
    larders = [Larder(tmp_path / str(n), hub.url) for n in range(NODES)]
    with ExitStack() as stack:
        nodes = []
        for larder in larders:
            nodes.append(stack.enter_context(GatewayNode(larder, peers=nodes[-1:])))
        with ThreadPoolExecutor(NODES) as pool:
            told = list(pool.map(lambda node: snapshot(node, os.path.join(node.larder.base, "cache"), timeout=4 * WINDOW_S), nodes))
    for folder, said in told:
        assert_holds(folder, many)
        assert "429" not in said and "etry" not in said, said


def test_a_quota_of_files_is_waited_out(hub, larder, many, tmp_path):
    hub.quota("resolvers", COUNT // 4, 2)
    with GatewayNode(larder) as node:
        folder, said = snapshot(node, tmp_path / "one")
    assert_holds(folder, many)
    assert "429" not in said and "etry" not in said, said
    assert [line for line in hub.log() if line["status"] == 429]

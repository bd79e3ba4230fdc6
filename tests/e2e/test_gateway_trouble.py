"""A hub of which 30 % of all answers fail, in all ways: real programs, which know nothing of that, complete their downloads, and what they have is right."""
import os
import subprocess
import sys

import pytest
from content import assert_holds
from gateways import GatewayNode

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from clients import RELEASES, python_with  # noqa: E402

REPO = "org/many"
LONG = os.environ.get("LARDER_LONG") == "1"
COUNT = 200 if LONG else 30  # downloads
SEEDS = (1, 2, 3, 4, 5, 6, 7) if LONG else (5,)
WAYS = ({"action": "close"}, {"action": "reset"}, {"action": "status", "code": 500}, {"action": "busy", "seconds": 1}, {"action": "cut", "at": 3000, "kind": "content"})
SHARE = 1 - 0.7 ** (1 / len(WAYS))  # of each way, so that 30 % are hit by one or more
SNAPSHOT = "import sys; from huggingface_hub import snapshot_download; print(snapshot_download(sys.argv[1]))"


@pytest.fixture
def many(hub):
    """Half of the files are large ones to the hub (LFS)."""
    return hub.add(REPO, {"%d/%d.%s" % (n % 7, n, "bin" if n % 2 else "txt"): (n * 10000 + 1, "many%d" % n) for n in range(COUNT)})


@pytest.fixture(params=SEEDS)
def node(request, hub, larder, many):
    with GatewayNode(larder) as node:
        for number, way in enumerate(WAYS):
            hub.fault(probability=SHARE, seed=100 * request.param + number, **way)
        yield node
        failed = sum(line["status"] not in (200, 206, 302, 304, 307) for line in hub.log())
        assert failed > 0.2 * len(hub.log())


def run(*command, **env):
    done = subprocess.run(command, env={"PATH": os.environ["PATH"], "no_proxy": "*", **env}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
                          check=False)
    assert done.returncode == 0, "%s\n%s" % (done.stdout, done.stderr)
    return done.stdout


def test_curl(node, many, tmp_path):
    for path in many.find("main").files:
        run("curl", "-sSf", "--create-dirs", "-o", str(tmp_path / "got" / path), "%s/%s/resolve/main/%s" % (node.gateway, REPO, path))
    assert_holds(str(tmp_path / "got"), many)


@pytest.mark.parametrize("release", RELEASES if LONG else RELEASES[:1])
def test_huggingface_hub(node, many, tmp_path, release):
    folder = run(python_with(release), "-c", SNAPSHOT, REPO, HOME=str(tmp_path), HF_HOME=str(tmp_path / "hf"), HF_ENDPOINT=node.gateway)
    assert_holds(folder.splitlines()[-1], many)

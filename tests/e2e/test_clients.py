"""Unmodified Hugging Face clients through the gateway: cold from the hub, from a peer, and with the hub away."""
import json
import os
import subprocess
import sys

import pytest
from content import FILES, WEIGHTS, assert_holds
from gateways import GatewayNode
from nodes import Node, wait_for, wait_for_peers

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from clients import RELEASES, python_with  # noqa: E402

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123456789"


class Client:
    """A program with huggingface_hub of some release, and a cache of its own."""

    def __init__(self, python, node, cache, token=""):
        self.python = python
        self.env = {"PATH": os.environ["PATH"], "HOME": str(cache), "HF_HOME": str(cache), "HF_ENDPOINT": node.gateway, "HF_TOKEN": token,
                    "no_proxy": "*", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}

    def run(self, code):
        """What the program printed last, as JSON."""
        done = subprocess.run([self.python, "-c", "import json\n" + code], env=self.env, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def snapshot(self, repo="org/model"):
        return self.run("from huggingface_hub import snapshot_download\nprint(json.dumps(snapshot_download(%r)))" % repo)


@pytest.fixture(params=RELEASES)
def python(request):
    return python_with(request.param)


@pytest.fixture
def node(larder):
    with GatewayNode(larder) as node:
        yield node


def test_cold_and_warm_and_away(hub, node, model, python, tmp_path):
    assert_holds(Client(python, node, tmp_path / "one").snapshot(), model)
    hub.reset()
    assert_holds(Client(python, node, tmp_path / "two").snapshot(), model)
    assert hub.counters()["content_requests"] == 0
    hub.down()
    assert_holds(Client(python, node, tmp_path / "three").snapshot(), model)


def test_from_a_peer(hub, larder, other, model, python, tmp_path):
    with Node(larder, "--name", "holder", "--gateway", "off") as holder:
        larder.ok("get", "org/model")
        with GatewayNode(other, peers=[holder]) as node:
            wait_for_peers(node, 1)
            wait_for(lambda: node.peers()[0]["digests"] >= len(FILES), "the holder has told what it holds")
            before = hub.counters()["content_bytes"]
            assert_holds(Client(python, node, tmp_path / "one").snapshot(), model)
            assert hub.counters()["content_bytes"] == before
            assert holder.status()["served_bytes"] >= WEIGHTS


def test_one_file_listing_and_reading(node, model, python, tmp_path):
    told = Client(python, node, tmp_path / "one").run("""
from huggingface_hub import HfApi, HfFileSystem, hf_hub_download
path = hf_hub_download("org/model", "tokenizer/vocab.txt")
files = HfFileSystem()
print(json.dumps({"size": len(open(path).read()), "files": sorted(HfApi().list_repo_files("org/model")),
                  "part": files.cat_file("org/model/model.safetensors", 1000, 1010).hex()}))""")
    weights = model.find("main").files["model.safetensors"]
    assert told == {"size": len(FILES["tokenizer/vocab.txt"]), "files": sorted(FILES), "part": weights.source.read(1000, 10).hex()}


def test_what_is_not_there_or_not_for_this_token(hub, node, python, tmp_path):
    hub.add("org/private", {"file.bin": "private"})
    hub.add_token(TOKEN, "reader")
    hub.protect("org/private", private=True, readers=["reader"])
    code = """
from huggingface_hub import hf_hub_download
from huggingface_hub import errors
def name_of_error(*args):
    try:
        hf_hub_download(*args)
    except Exception as error:
        return [kind.__name__ for kind in type(error).__mro__]
    return []
print(json.dumps([name_of_error("org/none", "x"), name_of_error("org/private", "file.bin"), name_of_error("org/private", "none.bin")]))"""
    none, private, _ = Client(python, node, tmp_path / "one").run(code)
    assert "RepositoryNotFoundError" in none and "RepositoryNotFoundError" in private
    none, private, entry = Client(python, node, tmp_path / "two", TOKEN).run(code)
    assert "RepositoryNotFoundError" in none and private == [] and "EntryNotFoundError" in entry
    _, private, _ = Client(python, node, tmp_path / "three").run(code)
    assert "RepositoryNotFoundError" in private, "what one client may see, another got without a token"

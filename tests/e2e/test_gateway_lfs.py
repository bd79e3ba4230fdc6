"""git-lfs through the gateway: its own program, and what it asks."""
import base64
import json
import os
import subprocess

import pytest
from content import MIB, files_of, same
from gateways import GatewayNode, ask
from nodes import wait_for

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123456789"
BATCH = "/org/model.git/info/lfs/objects/batch"
TYPE = "Content-Type: application/vnd.git-lfs+json; charset=utf-8"


@pytest.fixture
def node(larder):
    with GatewayNode(larder) as node:
        yield node


class Clone:
    """A repository of git with the files of one at the hub, those in LFS as pointers only."""

    def __init__(self, folder, repo, revision="main"):
        self.folder, self.files = str(folder), files_of(repo, revision)
        os.makedirs(self.folder)
        self.git("init", "-q", "-b", "main")
        self.git("config", "filter.lfs.process", "git-lfs filter-process --skip")  # pointers stay
        self.git("config", "filter.lfs.smudge", "git-lfs smudge --skip -- %f")
        self.git("config", "filter.lfs.clean", "cat")
        for path, entry in self.files.items():
            place = os.path.join(self.folder, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            source = entry.pointer if entry.lfs else entry.source
            with open(place, "wb") as file:
                file.write(source.read(0, source.size))
        with open(os.path.join(self.folder, ".gitattributes"), "w") as file:
            file.writelines('"%s" filter=lfs diff=lfs merge=lfs -text\n' % path for path, entry in self.files.items() if entry.lfs)
        self.git("-c", "filter.lfs.process=", "add", "-A")
        self.git("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "filter.lfs.process=", "commit", "-qm", "all")

    def git(self, *args, **env):
        done = subprocess.run(["git", *args], cwd=self.folder, env={"PATH": os.environ["PATH"], "HOME": self.folder, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", **env},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, "git %s\n%s\n%s" % (" ".join(args), done.stdout, done.stderr)
        return done.stdout

    def pull(self, node, repo="org/model", user=""):
        self.git("config", "lfs.url", "http://%s%s/%s.git/info/lfs" % (user, node.gateway_host, repo))
        self.git("config", "filter.lfs.clean", "git-lfs clean -- %f")
        self.git("config", "filter.lfs.process", "git-lfs filter-process")
        self.git("config", "filter.lfs.smudge", "git-lfs smudge -- %f")
        self.git("config", "filter.lfs.required", "true")
        self.git("lfs", "pull")
        for path, entry in self.files.items():
            assert same(entry, os.path.join(self.folder, path)), path


@pytest.mark.asan
def test_cold_then_warm_then_without_the_hub(hub, larder, node, model, tmp_path):
    Clone(tmp_path / "cold", model).pull(node)
    entries = [entry for entry in files_of(model).values() if entry.lfs]
    size = sum(entry.size for entry in entries)
    assert hub.counters()["content_bytes"] == size
    for entry in entries:
        wait_for(lambda digest=entry.sha256: larder.has_blob(digest), entry.path)
    Clone(tmp_path / "warm", model).pull(node)
    assert hub.counters()["content_bytes"] == size and "lfs" not in hub.counters()["requests"]
    hub.down()
    Clone(tmp_path / "away", model).pull(node)


def test_from_a_peer(hub, other, holder, model, tmp_path):
    before = hub.counters()["content_bytes"]
    with GatewayNode(other, peers=[holder]) as node:
        wait_for(lambda: [peer for peer in node.peers() if peer.get("digests")], "it knows what the holder has")
        Clone(tmp_path / "clone", model).pull(node)
    assert hub.counters()["content_bytes"] == before


def test_objects_of_another_commit(hub, node, model, tmp_path):
    """They are no files of the branch any more: the hub is asked for them."""
    old = model.refs["main"]
    hub.commit("org/model", {"model.safetensors": (2 * MIB, "other weights")})
    Clone(tmp_path / "clone", model, old).pull(node)
    assert hub.counters()["requests"]["lfs"] == 1


def test_a_private_repo(hub, node, tmp_path):
    secret = hub.add("org/secret", {"weights.safetensors": (MIB + 7, "secret"), "config.json": "{}"})
    hub.add_token(TOKEN, "me")
    hub.protect("org/secret", private=True, readers=["me"])
    with pytest.raises(AssertionError, match="[Cc]redentials|[Aa]uth"):
        Clone(tmp_path / "refused", secret).pull(node, "org/secret")
    assert hub.counters()["content_bytes"] == 0
    Clone(tmp_path / "allowed", secret).pull(node, "org/secret", user="me:%s@" % TOKEN)
    assert TOKEN not in node.log
    with pytest.raises(AssertionError, match="[Cc]redentials|[Aa]uth"):
        Clone(tmp_path / "still", secret).pull(node, "org/secret")


# --- the batch

def batch(node, objects, operation="download", target=BATCH, headers=(), **more):
    body = json.dumps({"operation": operation, "objects": objects, **more}).encode()
    answer = ask(node, target, "POST", [TYPE, "Accept: application/vnd.git-lfs+json", *headers], body)
    return answer, json.loads(answer.body) if answer.body else None


def asked(*entries):
    return [{"oid": entry.sha256, "size": entry.size} for entry in entries]


@pytest.mark.asan
def test_addresses_are_below_the_gateway(hub, node, model):
    weights = files_of(model)["model.safetensors"]
    hub.add_token(TOKEN, "me")
    login = "Basic " + base64.b64encode(b"me:" + TOKEN.encode()).decode()
    for headers, sent in ([], None), (["Authorization: " + login], {"Authorization": login}):
        answer, told = batch(node, asked(weights), headers=headers, transfers=["basic", "ssh"], ref={"name": "refs/heads/main"}, hash_algo="sha256")
        assert answer.status == 200 and answer["content-type"] == "application/vnd.git-lfs+json" and told["transfer"] == "basic"
        (item,) = told["objects"]
        download = item["actions"]["download"]
        assert download["href"] == node.gateway + "/org/model/resolve/%s/model.safetensors" % model.refs["main"]
        assert (item["oid"], item["size"], download.get("header")) == (weights.sha256, weights.size, sent)


@pytest.mark.asan
def test_what_is_not_there(hub, node, model):
    weights = files_of(model)["model.safetensors"]
    none = {"oid": "0" * 64, "size": 5}
    _, told = batch(node, [none, *asked(weights)], ref={"name": "refs/heads/made-here"})
    found = {item["oid"]: item for item in told["objects"]}
    assert found[none["oid"]]["error"]["code"] == 404 and found[weights.sha256]["actions"]["download"]["href"].startswith(node.gateway)
    hub.down()
    _, told = batch(node, [none])
    assert told["objects"][0]["error"]["code"] == 404
    answer, told = batch(node, [none], target="/org/none.git/info/lfs/objects/batch")
    assert answer.status == 504 and told["message"]


@pytest.mark.asan
def test_a_repo_that_may_be_private(node, model):
    answer, told = batch(node, [{"oid": "0" * 64, "size": 5}], target="/org/none.git/info/lfs/objects/batch")
    assert answer.status == 401 and answer["LFS-Authenticate"].startswith("Basic ") and told["message"]


@pytest.mark.asan
def test_uploads_are_the_hubs(hub, node, model):
    answer, _ = batch(node, [{"oid": "0" * 64, "size": 5}], operation="upload")
    assert answer.status == 403 and hub.counters()["requests"] == {"lfs": 1}


@pytest.mark.asan
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"operation": "download"}', b'{"operation": "download", "objects": [{"oid": "../x", "size": 1}]}',
                                  b'{"operation": "download", "objects": [{"oid": "%s", "size": -1}]}' % (b"0" * 64), b'{"operation": "download", "objects": [7]}'])
def test_nonsense(hub, node, model, body):
    answer = ask(node, BATCH, "POST", [TYPE], body)
    assert answer.status == 422 and json.loads(answer.body)["message"]
    assert hub.counters()["total_requests"] == 0

"""A cache of the Hugging Face libraries that is there already: shared as it lies."""
import hashlib
import os
import signal
import subprocess
import time

import pytest
from content import FILES, MIB, assert_holds, files_of
from gateways import GatewayNode, ask
from hub import Hub
from larder import DONE, NOT_FOUND, OTHER, UNPROVEN, USAGE, Larder
from nodes import Node, knows, wait_for
from test_sharing import btrfs, free, needs_root


def cache_of(larder):
    """The cache that the libraries of this person would use; filled by another program than the one that adopts it."""
    return os.path.join(larder.user_home, ".cache", "huggingface", "hub")


@pytest.fixture
def cached(larder, other, model):
    """`larder` has nothing in its store, and all of org/model in the cache of the libraries."""
    other.ok("get", "org/model", "--hf-cache", env={"HF_HUB_CACHE": cache_of(larder)})
    return os.path.join(cache_of(larder), "models--org--model")


@pytest.fixture
def third(tmp_path, hub):
    """Another machine, which holds nothing."""
    third = Larder(tmp_path / "third", hub.url)
    yield third
    third.check()


def make_cache(path, count, size):
    blobs = os.path.join(path, "models--org--many", "blobs")
    snapshot = os.path.join(path, "models--org--many", "snapshots", "a" * 40)
    os.makedirs(blobs)
    os.makedirs(snapshot)
    for number in range(count):
        data = os.urandom(size)
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, digest), "wb") as file:
            file.write(data)
        os.symlink("../../blobs/" + digest, os.path.join(snapshot, "file%d" % number))


def weights_of(cached, model):
    return os.path.join(cached, "blobs", files_of(model)["model.safetensors"].sha256)


# --- taking it in

@pytest.mark.asan
def test_adopts_without_a_second_copy(larder, hub, cached, model):
    before = {path: os.stat(os.path.join(cached, "blobs", path)).st_mode for path in os.listdir(os.path.join(cached, "blobs"))}
    hub.down()
    told = larder.ok("adopt", "hf", "--json").json
    assert told["adopted"] == told["files"] == len(before) and told["copied"] == 0 and told["problems"] == []
    hub.up()
    for path, mode in before.items():
        assert os.stat(os.path.join(cached, "blobs", path)).st_mode == mode
    if told["linked"]:
        weights = weights_of(cached, model)
        assert os.path.samefile(weights, larder.blob_path(os.path.basename(weights)))
    hub.reset()
    assert_holds(larder.ok("get", "org/model").folder, model)
    assert hub.counters()["content_bytes"] == 0
    larder.ok("verify")


@pytest.mark.asan
def test_a_second_time_reads_nothing(larder, cached):
    first = larder.ok("adopt", "hf")
    assert first.says("once the hub has said")
    told = larder.ok("adopt", "hf", "--json").json
    assert told["before"] == told["files"] and told["adopted"] == 0
    assert larder.ok("adopt", "hf").out.startswith("held ")


def test_dry_run_makes_nothing(larder, cached):
    told = larder.ok("adopt", "hf", "--dry-run", "--json").json
    assert told["files"] == len(os.listdir(os.path.join(cached, "blobs"))) and told["dry_run"]
    assert "to adopt" in larder.ok("adopt", "hf", "-n").out
    assert not os.path.exists(larder.home)


def test_goes_on_after_being_killed(larder, tmp_path):
    make_cache(str(tmp_path / "hub"), 600, 100000)
    process = larder.start("adopt", "hf", str(tmp_path / "hub"))
    wait_for(lambda: len(larder.blobs()) > 100, "some are adopted")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    told = larder.ok("adopt", "hf", str(tmp_path / "hub"), "--json").json
    assert told["before"] >= 100 and told["before"] + told["adopted"] == 600
    assert len(larder.blobs()) == 600


@pytest.mark.asan
def test_stops_when_asked(larder, tmp_path):
    make_cache(str(tmp_path / "hub"), 2000, 100000)
    process = larder.start("adopt", "hf", str(tmp_path / "hub"))
    wait_for(lambda: larder.blobs(), "one is adopted")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 128 + signal.SIGINT and "goes on from here" in err


def test_one_copy_stays(larder, cached, model):
    larder.ok("get", "org/model")
    told = larder.ok("adopt", "hf", "--json").json
    assert told["adopted"] == told["files"]
    if told["linked"]:
        weights = weights_of(cached, model)
        assert os.path.samefile(weights, larder.blob_path(os.path.basename(weights)))
    assert_holds(larder.ok("get", "org/model").folder, model)


@needs_root
def test_shares_blocks_where_it_can(larder, tmp_path):
    disk = str(tmp_path / "disk")
    with btrfs(disk, str(tmp_path / "image")):
        larder.home = larder.env["LARDER_HOME"] = os.path.join(disk, "larder")
        make_cache(os.path.join(disk, "hub"), 1, 40 * MIB)
        before = free(disk)
        told = larder.ok("adopt", "hf", os.path.join(disk, "hub"), "--json").json
        assert told["cloned"] == 1
        assert free(disk) > before - 20 * MIB
        assert larder.ok("adopt", "hf", os.path.join(disk, "hub"), "--json").json["before"] == 1
        # One that was copied in before gives way to a clone.
        [blob] = larder.blobs()
        larder.ok("rm", "sha256:" + os.path.basename(blob))
        with open(os.path.join(disk, "hub", "models--org--many", "blobs", os.path.basename(blob)), "rb") as file:
            data = file.read()
        with open(tmp_path / "elsewhere", "wb") as file:
            file.write(data)
        larder.ok("add", str(tmp_path / "elsewhere"))
        assert free(disk) < before - 20 * MIB
        assert larder.ok("adopt", "hf", os.path.join(disk, "hub"), "--json").json["cloned"] == 1
        wait_for(lambda: free(disk) > before - 20 * MIB, "the copy is gone")


def test_another_file_system_needs_a_word(larder):
    path = "/dev/shm/larder-test-%d" % os.getpid()
    make_cache(path, 2, 1000)
    try:
        if os.stat(path).st_dev == os.stat(larder.base).st_dev:
            pytest.skip("/dev/shm is the same file system here")
        refused = larder.fails(OTHER, "adopt", "hf", path)
        assert refused.says("2 files", "another file system", "--copy", "--home")
        assert larder.blobs() == []
        assert larder.ok("adopt", "hf", path, "--copy", "--json").json["copied"] == 2
    finally:
        os.system("rm -r " + path)


# --- what is not right

@pytest.mark.asan
def test_what_is_not_its_name_is_told(larder, cached, model):
    with open(weights_of(cached, model), "r+b") as file:
        file.seek(2 * MIB)
        file.write(b"rot")
    told = larder.fails(UNPROVEN, "adopt", "hf", "--json")
    assert told.json["damaged"] == 1 and told.json["adopted"] == told.json["files"] - 1
    assert told.json["problems"][0]["path"] == weights_of(cached, model)
    assert told.says("not what its name says")


@pytest.mark.asan
def test_what_changes_later_is_not_given(larder, third, cached, model):
    with Node(larder) as node:
        larder.ok("adopt", "hf")
        knows(third, node)
        digest = "sha256:" + files_of(model)["model.safetensors"].sha256
        wait_for(lambda: third.run("who", digest).code == DONE, "it is shared")
        if os.stat(weights_of(cached, model)).st_nlink == 1:
            return  # a clone cannot be changed from outside
        with open(weights_of(cached, model), "r+b") as file:
            file.seek(3 * MIB)
            file.write(b"changed")
        assert third.run("get", digest, "--to", os.path.join(third.base, "out")).code in (NOT_FOUND, UNPROVEN)
        assert third.blobs() == []


def test_wrong_words(larder, tmp_path):
    assert larder.fails(USAGE, "adopt", "ollama").says("adopt hf [dir]")
    assert larder.fails(NOT_FOUND, "adopt", "hf", str(tmp_path)).says("models--org--name")
    larder.fails(NOT_FOUND, "adopt", "hf", str(tmp_path / "none"))


# --- who may know of it

@pytest.mark.asan
def test_shared_once_the_hub_has_said_so(larder, third, hub, cached, model):
    hub.down()
    with Node(larder) as node:
        larder.ok("adopt", "hf")
        assert {blob["visibility"] for blob in larder.ok("ls", "--json").json["blobs"]} == {"unknown"}
        assert node.status()["shared_blobs"] == 0
    hub.up()
    with Node(larder) as node:
        wait_for(lambda: node.status()["shared_blobs"] == len(FILES), "all files are shared")
        hub.reset()
        knows(third, node)
        assert_holds(third.ok("get", "org/model").folder, model)
        assert hub.counters()["content_bytes"] == 0


def test_of_a_private_repo_nothing_is_shared(larder, hub, cached):
    hub.protect("org/model", private=True)
    with Node(larder) as node:
        larder.ok("adopt", "hf")
        asked = wait_for(lambda: [line for line in hub.log() if "org/model" in str(line)], "the hub is asked")
        assert asked
        time.sleep(1.5)
        assert node.status()["shared_blobs"] == 0


def test_a_stranger_with_the_same_name_makes_nothing_public(larder, cached):
    """The cache was filled from another hub; here, org/model is something else."""
    with Hub() as elsewhere:
        elsewhere.add("org/model", {"config.json": b"{}", "model.safetensors": (3 * MIB, "another")})
        with Node(larder, env={"LARDER_HUB": elsewhere.url}) as node:
            larder.ok("adopt", "hf", env={"LARDER_HUB": elsewhere.url})
            wait_for(lambda: [line for line in elsewhere.log() if "org/model" in str(line)], "the hub is asked")
            time.sleep(1.5)
            assert node.status()["shared_blobs"] == 0


# --- its names, while no hub answers

RESOLVE = "/org/model/resolve/%s/%s"


@pytest.fixture
def alone(larder, hub, cached):
    """A gateway on the store that has adopted the cache; the hub was never asked."""
    hub.down()
    larder.ok("adopt", "hf")
    with GatewayNode(larder) as node:
        yield node


@pytest.mark.asan
def test_names_are_answered_without_the_hub(hub, model, alone):
    for path, entry in files_of(model).items():
        for revision in ("main", model.refs["main"]):
            answer = ask(alone, RESOLVE % (revision, path.replace(" ", "%20")))
            assert answer.status == 200 and answer.body == entry.source.read(0, entry.size), path
            assert answer["ETag"] == '"%s"' % entry.etag and answer["X-Repo-Commit"] == model.refs["main"]
    assert ask(alone, RESOLVE % ("main", "none.txt"), "HEAD").status == 504, "the cache need not have all"
    assert ask(alone, RESOLVE % ("other", "config.json"), "HEAD").status == 504
    assert alone.status()["shared_blobs"] == 0
    assert ask(alone, "/-/blob/sha256/" + files_of(model)["model.safetensors"].sha256).status == 404


def test_two_caches_know_more_than_one(larder, other, hub, model, tmp_path):
    paths = ("config.json", "model.safetensors")
    for number, path in enumerate(paths):
        other.ok("get", "org/model:" + path, "--hf-cache", env={"HF_HUB_CACHE": str(tmp_path / str(number))})
    hub.down()
    for number in range(len(paths)):
        larder.ok("adopt", "hf", str(tmp_path / str(number)))
    with GatewayNode(larder) as node:
        for path in paths:
            assert ask(node, RESOLVE % (model.refs["main"], path)).status == 200


def test_the_hub_comes_first(hub, larder, model, cached):
    larder.ok("adopt", "hf")
    hub.commit("org/model", {"config.json": "new"})
    with GatewayNode(larder) as node:
        assert ask(node, RESOLVE % ("main", "config.json")).body == b"new"


@needs_root
def test_names_are_the_owners_alone(hub, model, alone):
    """Another user of this machine could not read the cache either."""
    curl = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*", alone.gateway + RESOLVE % ("main", "config.json")]
    assert subprocess.run(curl, capture_output=True, text=True, check=False).stdout == "200"
    other = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", *curl], capture_output=True, text=True, check=False)
    assert other.stdout == "504", other


# --- what is damaged is repaired in the store, not in the cache

@pytest.mark.asan
def test_a_damaged_linked_file_is_repaired_beside_it(larder, hub, cached, model):
    path, entry = weights_of(cached, model), files_of(model)["model.safetensors"]
    with GatewayNode(larder) as node:
        larder.ok("adopt", "hf")
        if os.stat(path).st_nlink == 1:
            pytest.skip("clones cannot be changed from outside")
        with open(path, "r+b") as file:
            file.seek(2 * MIB)
            file.write(b"rot")
        with open(path, "rb") as file:
            damaged = file.read()
        before = os.stat(path)
        hub.reset()
        assert ask(node, RESOLVE % ("main", "model.safetensors")).body == entry.source.read(0, entry.size)
        wait_for(lambda: larder.has_blob(entry.sha256), "it is held again")
        assert hub.counters()["content_bytes"] < entry.size, "only what is damaged has to be fetched"
    assert not os.path.samefile(path, larder.blob_path(entry.sha256))
    with open(path, "rb") as file:
        assert file.read() == damaged
    after = os.stat(path)
    assert (after.st_mtime_ns, after.st_mode, after.st_ino) == (before.st_mtime_ns, before.st_mode, before.st_ino)
    larder.ok("verify")

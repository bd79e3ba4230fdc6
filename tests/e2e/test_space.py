"""No room, no permission: one clear sentence, and nothing lost."""
import os
import subprocess
from contextlib import contextmanager

import pytest
from content import MIB, assert_holds, files_of
from larder import NO_SPACE, OTHER
from nodes import Node

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="mounting a small file system needs root")


@contextmanager
def mounted(path, options):
    os.makedirs(path, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "larder-test", path], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("no mount here: " + done.stderr.strip())
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


def remount(path, options):
    subprocess.run(["mount", "-o", "remount," + options, path], check=True)


@needs_root
@pytest.mark.asan
def test_a_full_disk(hub, larder):
    repo = hub.add("org/big", {"big.bin": (40 * MIB, "big"), "small.txt": "small"})
    with mounted(larder.home, "size=20m,mode=0700"):
        result = larder.fails(NO_SPACE, "get", "org/big")
        assert result.says("big.bin") or result.says(larder.home), result
        assert files_of(repo)["big.bin"].sha256 not in larder.held()
        assert larder.fails(NO_SPACE, "gc", env={"LARDER_MIN_FREE": "1T"}).says("too little room", larder.home)
        larder.check()
        remount(larder.home, "size=100m")
        assert_holds(larder.ok("get", "org/big").folder, repo)
        larder.ok("verify")


def fill(path):
    """Leaves no byte of a small file system."""
    with open(path, "ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    assert os.statvfs(os.path.dirname(path)).f_bavail == 0


def reserve(larder):
    return os.path.join(larder.home, "reserve")


@needs_root
@pytest.mark.asan
def test_looking_and_making_room_without_a_byte_left(hub, larder, model):
    hub.add("org/small", {"small.txt": "small"})
    with mounted(larder.home, "size=20m,mode=0700"):
        larder.ok("get", "org/model")
        larder.ok("get", "org/small")
        kept = os.path.getsize(reserve(larder))
        fill(os.path.join(larder.home, "repos", "fill"))
        assert "org/small" in larder.ok("ls").out
        larder.ok("status")
        larder.ok("gc")
        larder.ok("rm", "org/small")
        assert "org/small" not in larder.ok("ls").out
        assert "org/model" in larder.ok("ls").out
        assert os.path.getsize(reserve(larder)) == kept
        larder.ok("gc", env={"LARDER_MAX_SIZE": "1000"})
        assert files_of(model)["model.safetensors"].sha256 not in larder.held()


@needs_root
def test_a_full_disk_with_the_reserve_gone(hub, larder, model):
    with mounted(larder.home, "size=20m,mode=0700"):
        larder.ok("get", "org/model")
        os.remove(reserve(larder))
        fill(os.path.join(larder.home, "repos", "fill"))
        assert "org/model" in larder.ok("ls").out
        larder.ok("rm", "org/model:model.safetensors")
        assert files_of(model)["model.safetensors"].sha256 not in larder.held()
        assert os.path.exists(reserve(larder))


@needs_root
@pytest.mark.asan
def test_a_full_disk_with_the_reserve_gone_while_a_node_runs(hub, larder, model):
    hub.add("org/small", {"small.txt": "small"})
    with mounted(larder.home, "size=20m,mode=0700"), Node(larder, "--gateway", "off"):
        larder.ok("get", "org/model")
        larder.ok("get", "org/small")
        os.remove(reserve(larder))
        fill(os.path.join(larder.home, "repos", "fill"))
        larder.run("rm", "org/small")  # what goes may be too little for the index
        larder.ok("ls")
        larder.ok("gc", env={"LARDER_MAX_SIZE": "1000"})
        assert files_of(model)["model.safetensors"].sha256 not in larder.held()
        larder.ok("gc")
        assert "org/small" not in larder.ok("ls").out
        assert os.path.exists(reserve(larder))


@needs_root
def test_no_more_files_may_be_made(hub, larder, model):
    with mounted(larder.home, "size=20m,mode=0700"):
        larder.ok("get", "org/model")
        used = os.statvfs(larder.home)
        remount(larder.home, "nr_inodes=%d" % (used.f_files - used.f_ffree))
        assert larder.fails(NO_SPACE, "ls").says("no space left")
        larder.ok("rm", "org/model")
        assert larder.held() == set()


@needs_root
def test_what_is_kept_free(hub, larder):
    hub.add("org/big", {"big.bin": (40 * MIB, "big")})
    with mounted(larder.home, "size=100m,mode=0700"):
        result = larder.fails(NO_SPACE, "get", "org/big", env={"LARDER_MIN_FREE": "80M"})
        assert result.says("free"), result
        assert larder.ok("get", "org/big", env={"LARDER_MIN_FREE": "10M"})


def test_more_than_the_quota(hub, larder):
    hub.add("org/big", {"big.bin": (40 * MIB, "big")})
    result = larder.fails(NO_SPACE, "get", "org/big", env={"LARDER_MAX_SIZE": "30M"})
    assert result.says("max_size") or result.says("max-size") or result.says("30"), result


@needs_root
@pytest.mark.asan
def test_a_disk_that_became_read_only(hub, larder, model):
    with mounted(larder.home, "size=100m,mode=0700"):
        first = larder.ok("get", "org/model", "config.json")
        remount(larder.home, "ro")
        result = larder.run("get", "org/model")
        assert result.code in (OTHER, NO_SPACE) and result.says("read-only"), result
        found = {f["topic"]: f for f in larder.fails(OTHER, "doctor", "--json").json["findings"]}
        assert found["home"]["state"] == "problem" and "read-only" in found["home"]["text"].lower()
        assert_holds(first.folder, model, ["config.json"])
        remount(larder.home, "rw")
        assert_holds(larder.ok("get", "org/model").folder, model)


def test_a_home_that_cannot_be(larder, model):
    with open(os.path.join(larder.base, "file"), "w"):
        pass
    home = os.path.join(larder.base, "file", "home")
    result = larder.fails(OTHER, "get", "org/model", env={"LARDER_HOME": home})
    assert result.says(home), result


@needs_root
def test_no_room_where_the_copy_goes(hub, larder):
    repo = hub.add("org/big", {"big.bin": (40 * MIB, "big")})
    target = os.path.join(larder.base, "small")
    with mounted(target, "size=20m"):
        result = larder.fails(NO_SPACE, "get", "org/big", "--to", target)
        assert result.says(target), result
        assert not os.path.exists(os.path.join(target, "big.bin"))
    assert_holds(larder.ok("get", "org/big").folder, repo)

"""Care for the store: ls, verify, rm, pin, gc, add, status; and a blob that went bad on the disk."""
import json
import os

import pytest
from content import MIB, WEIGHTS, assert_holds, files_of, same
from larder import DONE, NOT_FOUND, UNPROVEN

NAME = "model.safetensors"

pytestmark = pytest.mark.asan


def test_an_empty_store(larder):
    for command in ("ls", "verify", "gc", "status"):
        larder.ok(command)
        json.loads(larder.ok(command, "--json").out)


def test_what_is_held(larder, model):
    larder.ok("get", "org/model")
    told = larder.ok("ls").out
    assert "org/model" in told
    assert larder.held() == {entry.sha256 for entry in files_of(model).values()}
    assert str(WEIGHTS) in larder.ok("ls", "--json").out


def test_status_counts(larder, model):
    larder.ok("get", "org/model")
    assert larder.home in larder.ok("status").out
    assert isinstance(larder.ok("status", "--json").json, dict)


@pytest.mark.parametrize("offset", [0, MIB, 2 * MIB + 99, WEIGHTS - 1])
def test_a_damaged_blob_is_found_and_repaired_chunk_by_chunk(hub, larder, model, offset):
    first = larder.ok("get", "org/model")
    digest = files_of(model)[NAME].sha256
    larder.damage(digest, offset)
    result = larder.fails(UNPROVEN, "verify")
    assert result.says("org/model", NAME), result
    assert not larder.has_blob(digest)
    assert digest not in larder.held()
    assert larder.fails(NOT_FOUND, "ls", "org/model:" + NAME).says("in part")
    hub.reset()
    again = larder.ok("get", "org/model")
    assert again.folder == first.folder
    assert_holds(again.folder, model)
    counters = hub.counters()
    assert list(counters["files"]) == ["org/model:" + NAME]
    assert counters["content_bytes"] <= MIB + 64 * 1024
    larder.ok("verify")


def test_a_change_whose_time_was_set_back(hub, larder, model):
    first = larder.ok("get", "org/model")
    digest = files_of(model)[NAME].sha256
    before = os.stat(larder.blob_path(digest))
    larder.damage(digest, 2 * MIB)
    os.utime(larder.blob_path(digest), ns=(before.st_atime_ns, before.st_mtime_ns))
    hub.reset()
    assert larder.ok("get", "org/model").folder == first.folder
    assert_holds(first.folder, model)
    assert list(hub.counters()["files"]) == ["org/model:" + NAME]


def test_two_damaged_chunks(hub, larder, model):
    larder.ok("get", "org/model")
    digest = files_of(model)[NAME].sha256
    larder.damage(digest, 10)
    larder.damage(digest, 4 * MIB + 10)
    larder.fails(UNPROVEN, "verify")
    hub.reset()
    assert_holds(larder.ok("get", "org/model").folder, model)
    assert hub.counters()["content_bytes"] <= 2 * MIB + 128 * 1024


def test_a_blob_cut_short_and_one_that_is_gone(hub, larder, model):
    larder.ok("get", "org/model")
    short, gone = files_of(model)[NAME].sha256, files_of(model)["onnx/model.onnx"].sha256
    os.chmod(larder.blob_path(short), 0o600)
    os.truncate(larder.blob_path(short), 2 * MIB + 5)
    os.remove(larder.blob_path(gone))
    larder.fails(UNPROVEN, "verify")
    assert_holds(larder.ok("get", "org/model").folder, model)
    larder.ok("verify")


def test_damage_is_noticed_when_files_are_copied_out(hub, larder, model):
    larder.ok("get", "org/model")
    digest = files_of(model)[NAME].sha256
    larder.damage(digest, 3 * MIB)
    result = larder.run("get", "org/model", "--to", "out")
    target = os.path.join(larder.base, "out", NAME)
    assert result.code in (DONE, UNPROVEN), result
    assert result.code == UNPROVEN or same(files_of(model)[NAME], target)
    if result.code == UNPROVEN:
        assert not os.path.exists(target)
    larder.run("verify")


def test_verify_of_one(larder, model):
    larder.ok("get", "org/model")
    digest = files_of(model)[NAME].sha256
    larder.ok("verify", "sha256:" + digest)
    larder.damage(digest, 5)
    larder.ok("verify", "org/model:config.json")
    larder.fails(UNPROVEN, "verify", "org/model:" + NAME)


def test_removing(hub, larder, model):
    larder.ok("get", "org/model")
    larder.ok("rm", "org/model:" + NAME)
    assert not larder.has_blob(files_of(model)[NAME].sha256)
    assert larder.has_blob(files_of(model)["config.json"].sha256)
    larder.ok("rm", "org/model")
    assert larder.blobs() == []
    assert "org/model" not in larder.ok("ls").out
    larder.fails(NOT_FOUND, "rm", "org/model")
    assert_holds(larder.ok("get", "org/model").folder, model)


def test_removing_by_digest(larder, model):
    larder.ok("get", "org/model")
    digest = files_of(model)[NAME].sha256
    larder.ok("rm", "sha256:" + digest)
    assert not larder.has_blob(digest)
    larder.fails(NOT_FOUND, "rm", "sha256:" + "0" * 63 + "1")


def test_removing_keeps_what_another_repository_names(hub, larder, model):
    hub.add("org/copy", {"weights.bin": files_of(model)[NAME].source})
    larder.ok("get", "org/model")
    larder.ok("get", "org/copy")
    larder.ok("rm", "org/copy")
    got = larder.ok("get", "org/model")
    assert_holds(got.folder, model)


def test_gc_takes_the_least_recently_used_and_leaves_the_pinned(hub, larder):
    repos = {n: hub.add("org/%s" % n, {"w.bin": (10 * MIB, n)}) for n in ("one", "two", "three")}
    digests = {n: files_of(r)["w.bin"].sha256 for n, r in repos.items()}
    for name in repos:
        larder.ok("get", "org/" + name)
    larder.ok("pin", "org/one")
    larder.ok("gc", env={"LARDER_MAX_SIZE": "25M"})
    assert [n for n in repos if larder.has_blob(digests[n])] == ["one", "three"]
    larder.ok("unpin", "org/one")
    larder.ok("get", "org/three")
    larder.ok("gc", env={"LARDER_MAX_SIZE": "15M"})
    assert [n for n in repos if larder.has_blob(digests[n])] == ["three"]


def test_gc_with_nothing_to_do(larder, model):
    larder.ok("get", "org/model")
    before = sorted(larder.blobs())
    larder.ok("gc")
    assert sorted(larder.blobs()) == before


def test_a_quota_makes_room_while_getting(hub, larder):
    for name in ("one", "two", "three"):
        repo = hub.add("org/" + name, {"w.bin": (10 * MIB, name)})
        got = larder.ok("get", "org/" + name, env={"LARDER_MAX_SIZE": "25M"})
        assert_holds(got.folder, repo)
    assert sum(os.path.getsize(p) for p in larder.blobs()) <= 25 * MIB


def test_adding_a_file(larder, model):
    path = os.path.join(larder.base, "mine.bin")
    entry = files_of(model)[NAME]
    with open(path, "wb") as file:
        file.write(entry.source.read(0, entry.size))
    told = larder.ok("add", path)
    assert entry.sha256 in told.out
    assert larder.has_blob(entry.sha256)
    assert os.stat(larder.blob_path(entry.sha256)).st_ino != os.stat(path).st_ino
    with open(path, "ab") as file:
        file.write(b"changed later")
    larder.ok("verify")


def test_what_was_added_is_not_fetched(hub, larder, model):
    entry = files_of(model)[NAME]
    with open(os.path.join(larder.base, "mine.bin"), "wb") as file:
        file.write(entry.source.read(0, entry.size))
    larder.ok("add", "mine.bin")
    assert_holds(larder.ok("get", "org/model").folder, model)
    assert "org/model:" + NAME not in hub.counters()["files"]


def test_adding_what_cannot_be_read(larder):
    result = larder.run("add", "none.bin")
    assert result.code != 0 and result.says("none.bin"), result
    result = larder.run("add", larder.base)
    assert result.code != 0 and result.err.strip(), result


def test_names_that_are_not_held(larder, model):
    for command in ("rm", "pin", "unpin", "verify"):
        larder.fails(NOT_FOUND, command, "org/none")

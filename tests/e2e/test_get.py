"""larder get, when all goes well: what is fetched, where it lies, and what is not asked for twice."""
import json
import os
import stat

import pytest
from content import FILES, MIB, WEIGHTS, assert_holds, files_of, is_plain_file, same
from larder import NOT_FOUND, OTHER, USAGE

pytestmark = pytest.mark.asan


def kinds(hub):
    return hub.counters()["requests"]


def test_a_whole_repository(hub, larder, model):
    got = larder.ok("get", "org/model")
    assert_holds(got.folder, model)
    assert got.folder.startswith(larder.home)
    assert model.refs["main"] in got.folder
    counters = hub.counters()
    assert counters["content_bytes"] >= WEIGHTS + MIB
    assert counters["content_requests"] <= len(FILES)
    assert "xet" not in counters["requests"]


def test_one_listing_tells_all(hub, larder, model):
    larder.ok("get", "org/model")
    assert kinds(hub).get("head", 0) == 0 and kinds(hub).get("raw", 0) == 0
    assert kinds(hub)["tree"] == 1


def test_all_pages_of_a_listing(hub, larder):
    hub.set(page_size=50)
    repo = hub.add("org/many", {"part/%03d.txt" % n: "file %d\n" % n for n in range(220)})
    got = larder.ok("get", "org/many")
    assert_holds(got.folder, repo)
    assert kinds(hub)["tree"] == 5


def test_blobs_are_read_only_and_home_is_private(larder, model):
    larder.ok("get", "org/model")
    assert larder.blobs()
    for path in larder.blobs():
        assert stat.S_IMODE(os.stat(path).st_mode) & 0o222 == 0
    assert stat.S_IMODE(os.stat(larder.home).st_mode) == 0o700


def test_the_second_time_asks_for_no_content(hub, larder, model):
    first = larder.ok("get", "org/model")
    hub.reset()
    second = larder.ok("get", "org/model")
    assert second.folder == first.folder
    assert hub.counters()["content_requests"] == 0
    assert kinds(hub).get("resolve", 0) == 0


def test_a_commit_is_never_asked_for_twice(hub, larder, model):
    commit = model.refs["main"]
    first = larder.ok("get", "org/model@" + commit)
    hub.reset()
    assert larder.ok("get", "org/model@" + commit).folder == first.folder
    assert hub.counters()["total_requests"] == 0


def test_hub_stopped_still_complete(hub, larder, model):
    first = larder.ok("get", "org/model")
    hub.down()
    again = larder.ok("get", "org/model", timeout=20)
    assert again.folder == first.folder
    assert_holds(again.folder, model)
    assert again.says("hub"), again  # the branch is from memory, and that is said
    assert again.err.strip() and again.seconds < 10


def test_commit_with_the_hub_stopped_needs_no_note(hub, larder, model):
    commit = model.refs["main"]
    first = larder.ok("get", "org/model@" + commit)
    hub.down()
    again = larder.ok("get", "org/model@" + commit)
    assert again.folder == first.folder and again.seconds < 2


def test_a_new_commit_fetches_only_what_is_new(hub, larder, model):
    larder.ok("get", "org/model")
    model.commit({"config.json": '{"changed": true}'})
    hub.reset()
    got = larder.ok("get", "org/model")
    assert_holds(got.folder, model)
    assert hub.counters()["content_requests"] == 1


def test_globs(hub, larder, model):
    got = larder.ok("get", "org/model", "*.safetensors", "*.json")
    assert_holds(got.folder, model, ["model.safetensors", "config.json"])
    assert hub.counters()["content_requests"] == 2


def test_a_glob_over_folders(hub, larder, model):
    got = larder.ok("get", "org/model", "onnx/*")
    assert_holds(got.folder, model, ["onnx/model.onnx"])


def test_a_dataset_without_its_prefix(hub, larder):
    hub.add("datasets/org/data", {"train.csv": "a,b"})
    assert larder.fails(NOT_FOUND, "get", "org/data").says("datasets/ORG/NAME")


def test_a_glob_that_matches_nothing(larder, model):
    larder.fails(NOT_FOUND, "get", "org/model", "*.gguf").says("*.gguf")
    assert larder.blobs() == []


def test_revisions(hub, larder, model):
    old = model.refs["main"]
    model.tag("v1.0")
    model.commit({"config.json": "on a branch"}, branch="refs/pr/1")
    model.commit({"config.json": "newest"})
    model.refs["feature/one"] = model.commit({"config.json": "a branch with a slash"}, branch="topic")
    for revision, known in (("v1.0", "v1.0"), (old, old), ("refs/pr/1", "refs/pr/1"), ("main", "main"),
                            ("topic", "topic")):
        got = larder.ok("get", "org/model@" + revision, "config.json")
        assert_holds(got.folder, model, ["config.json"], known)


def test_one_file_by_name(hub, larder, model):
    got = larder.ok("get", "org/model:onnx/model.onnx")
    assert hub.counters()["content_bytes"] == MIB
    path = got.folder if os.path.isfile(got.folder) else os.path.join(got.folder, "onnx/model.onnx")
    assert same(files_of(model)["onnx/model.onnx"], path)


@pytest.mark.parametrize("name", ["hf://org/model", "https://huggingface.co/org/model",
                                  "https://huggingface.co/org/model/tree/main", "HUB/org/model", "org/model@main"])
def test_ways_to_name_a_repository(hub, larder, model, name):
    got = larder.ok("get", name.replace("HUB", hub.url), "config.json")
    assert_holds(got.folder, model, ["config.json"])


@pytest.mark.parametrize("command", ["get", "resolve", "rm"])
def test_the_address_of_another_host_names_nothing(hub, larder, model, command):
    larder.ok("get", "org/model")
    hub.reset()
    address = hub.url.replace("127.0.0.1", "127.0.0.3") + "/org/model"
    assert larder.fails(USAGE, command, address).says("huggingface.co", hub.url.split("/")[-1], "--hub http://127.0.0.3:")
    assert hub.counters()["total_requests"] == 0
    larder.ok(command, hub.url + "/org/model")


@pytest.mark.parametrize("name", ["https://huggingface.co/org/model/blob/main/config.json",
                                  "https://huggingface.co/org/model/resolve/main/config.json?download=true",
                                  "hf://org/model@main/config.json", "org/model@main:config.json"])
def test_ways_to_name_a_file(hub, larder, model, name):
    larder.ok("get", name)
    assert list(hub.counters()["files"]) == ["org/model:config.json"]


def test_datasets_spaces_and_legacy_names(hub, larder):
    for name in ("datasets/org/data", "spaces/org/app", "gpt2"):
        repo = hub.add(name, {"a.txt": name, "b.bin": (1000, name)})
        assert_holds(larder.ok("get", name).folder, repo)


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB + 5])
def test_lengths_on_the_edges(hub, larder, size):
    repo = hub.add("org/edge", {"a.bin": (size, "edge"), "b.txt": b"x" * size})
    assert_holds(larder.ok("get", "org/edge").folder, repo)
    larder.ok("verify")


def test_the_same_file_of_another_repository_is_not_fetched_again(hub, larder, model):
    larder.ok("get", "org/model")
    copy = hub.add("org/copy", dict(FILES))
    hub.reset()
    assert_holds(larder.ok("get", "org/copy").folder, copy)
    assert hub.counters()["content_requests"] == 0


def test_two_names_of_one_file_in_a_repository(hub, larder):
    repo = hub.add("org/twice", {"a.bin": (3 * MIB, "same"), "b/c.bin": (3 * MIB, "same")})
    assert_holds(larder.ok("get", "org/twice").folder, repo)
    assert hub.counters()["content_bytes"] == 3 * MIB


def test_to_a_folder(larder, model):
    target = os.path.join(larder.base, "out", "model")
    got = larder.ok("get", "org/model", "--to", target)
    assert got.folder == target
    assert_holds(target, model)
    for path in FILES:
        assert is_plain_file(os.path.join(target, path))
        assert os.stat(os.path.join(target, path)).st_nlink == 1
    with open(os.path.join(target, "config.json"), "a") as file:
        file.write("mine")
    larder.ok("verify")


def test_to_a_relative_folder_and_again(hub, larder, model):
    larder.ok("get", "org/model", "--to", "out")
    target = os.path.join(larder.base, "out")
    assert_holds(target, model)
    hub.reset()
    larder.ok("get", "org/model", "--to", "out")
    assert_holds(target, model)
    assert hub.counters()["content_requests"] == 0


def test_to_a_folder_with_a_link_in_it(hub, larder, model):
    target, outside, alias = (os.path.join(larder.base, name) for name in ("out", "outside", "alias"))
    os.makedirs(target)
    os.makedirs(outside)
    os.symlink(outside, os.path.join(target, "onnx"))
    for force in [], ["--force"]:
        result = larder.fails(OTHER, "get", "org/model", "--to", target, *force)
        assert result.says(os.path.join(target, "onnx"), "symbolic link"), result
    assert os.listdir(outside) == []
    assert hub.counters()["content_requests"] == 0
    os.remove(os.path.join(target, "onnx"))
    os.symlink(target, alias)
    larder.ok("get", "org/model", "--to", alias)
    assert_holds(target, model)


@pytest.mark.parametrize("where", ["HF_HOME", "HF_HUB_CACHE", None])
def test_into_a_hugging_face_cache(larder, model, where):
    cache = os.path.join(larder.user_home, ".cache", "huggingface", "hub")
    env = {}
    if where:
        env[where] = os.path.join(larder.base, "hf")
        cache = env[where] + ("/hub" if where == "HF_HOME" else "")
    model.tag("v1.0")
    got = larder.ok("get", "org/model", "--hf-cache", env=env)
    repo = os.path.join(cache, "models--org--model")
    commit = model.refs["main"]
    snapshot = os.path.join(repo, "snapshots", commit)
    assert os.path.realpath(got.folder) == os.path.realpath(snapshot)
    assert_holds(snapshot, model)
    with open(os.path.join(repo, "refs", "main")) as file:
        assert file.read() == commit
    for path, entry in files_of(model).items():
        link = os.readlink(os.path.join(snapshot, path))
        assert not os.path.isabs(link)
        assert os.path.realpath(os.path.join(snapshot, path)) == os.path.realpath(
            os.path.join(repo, "blobs", entry.etag)), path
        assert is_plain_file(os.path.join(repo, "blobs", entry.etag))
    larder.ok("get", "org/model@v1.0", "--hf-cache", env=env)
    with open(os.path.join(repo, "refs", "v1.0")) as file:
        assert file.read() == commit


def test_to_and_hf_cache_exclude_each_other(larder, model):
    larder.fails(USAGE, "get", "org/model", "--hf-cache", "--to", "out")


def test_json(larder, model):
    got = larder.ok("get", "org/model", "--json")
    assert isinstance(got.json, dict)
    assert model.refs["main"] in json.dumps(got.json)
    plain = larder.ok("get", "org/model")
    assert plain.folder in json.dumps(got.json)


def test_by_digest_what_is_held(hub, larder, model):
    larder.ok("get", "org/model")
    hub.down()
    entry = files_of(model)["model.safetensors"]
    for name in ("sha256:" + entry.sha256, entry.sha256):
        larder.ok("get", name, "--to", "weights")
        assert same(entry, os.path.join(larder.base, "weights"))
        os.remove(os.path.join(larder.base, "weights"))


def test_by_a_digest_that_nobody_holds(larder, model):
    assert larder.fails(NOT_FOUND, "get", "sha256:" + "1" * 64).err.count("1" * 64) == 1


def test_hub_from_flag_and_environment(hub, larder, model):
    nowhere = "http://127.0.0.1:1"
    larder.ok("get", "org/model", "config.json", env={"LARDER_HUB": None, "HF_ENDPOINT": hub.url})
    larder.ok("get", "org/model", "README.md", env={"LARDER_HUB": hub.url, "HF_ENDPOINT": nowhere})
    larder.ok("get", "org/model", "empty.txt", "--hub", hub.url + "/", env={"LARDER_HUB": nowhere})
    larder.ok("get", "org/model", "onnx/*", "--home", os.path.join(larder.base, "elsewhere"))
    assert os.path.isdir(os.path.join(larder.base, "elsewhere", "blobs"))


def test_a_path_that_leads_out_is_refused(hub, larder):
    repo = hub.add("org/evil", {"../../../../evil.txt": "evil", "good.txt": "good"})
    result = larder.ok("get", "org/evil")
    assert result.says("unsafe"), result
    assert_holds(result.folder, repo, ["good.txt"])
    for parent, _, leaves in os.walk(larder.base):
        assert "evil.txt" not in leaves, parent


def test_what_resolve_tells(larder, model):
    entry = files_of(model)["model.safetensors"]
    told = larder.ok("resolve", "org/model:model.safetensors")
    assert "sha256:" + entry.sha256 in told.out and model.refs["main"] in told.out
    assert "public" in told.out
    text = json.dumps(larder.ok("resolve", "org/model:model.safetensors", "--json").json)
    assert entry.sha256 in text and str(WEIGHTS) in text and "public" in text
    assert larder.blobs() == []
    small = larder.ok("resolve", "org/model:config.json")
    assert files_of(model)["config.json"].oid in small.out


def test_what_was_resolved_is_found_by_its_git_name(larder, model):
    larder.ok("get", "org/model")
    told = larder.ok("resolve", "org/model:config.json")
    assert files_of(model)["config.json"].sha256 in told.out

"""Files through the gateway: warm, cold, by ranges, with hub and peers as they may be."""
import hashlib
import subprocess

import pytest
from content import FILES, MIB, files_of
from gateways import Connection, GatewayNode, ask
from nodes import wait_for

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.fixture
def node(larder):
    with GatewayNode(larder) as node:
        yield node
        assert ask(node, "/-/nothing").status == 404, "it does not answer any more"


def target_of(path, revision="main", repo="org/model"):
    return "/%s/resolve/%s/%s" % (repo, revision, path)


def content_of(entry):
    return entry.source.read(0, entry.size)


def check_headers(answer, entry, commit):
    assert answer["X-Repo-Commit"] == commit and answer["ETag"] == '"%s"' % entry.etag
    assert answer["Accept-Ranges"] == "bytes" and answer["Content-Encoding"] is None
    assert answer["X-Linked-Etag"] == ('"%s"' % entry.sha256 if entry.lfs else None)
    assert answer["X-Linked-Size"] == (str(entry.size) if entry.lfs else None)
    assert not [name for name in answer.headers if "xet" in name] and answer["Location"] is None


# --- HEAD

@pytest.mark.asan
def test_head(node, model):
    for path, entry in files_of(model).items():
        answer = ask(node, target_of(path.replace(" ", "%20")), "HEAD")
        assert answer.status == 200 and answer["Content-Length"] == str(entry.size), path
        check_headers(answer, entry, model.refs["main"])


def test_head_asks_the_hub_once_for_a_commit(hub, node, model):
    commit = model.refs["main"]
    for _ in range(5):
        assert ask(node, target_of("config.json", commit), "HEAD").status == 200
    assert len(hub.log()) <= 2


@pytest.mark.asan
def test_what_is_not_there(hub, node, model):
    answer = ask(node, target_of("none.json"), "HEAD")
    assert answer.status == 404 and answer["X-Error-Code"] == "EntryNotFound" and answer["X-Repo-Commit"] == model.refs["main"]
    answer = ask(node, target_of("config.json", "nowhere"))
    assert answer.status == 404 and answer["X-Error-Code"] == "RevisionNotFound" and b"error" in answer.body
    answer = ask(node, target_of("config.json", repo="org/none"))
    assert answer.status in (401, 404) and answer["X-Error-Code"] == "RepoNotFound"


def test_not_modified(node, model):
    etag = '"%s"' % files_of(model)["model.safetensors"].etag
    for method in ("GET", "HEAD"):
        answer = ask(node, target_of("model.safetensors"), method, ["If-None-Match: W/" + etag])
        assert answer.status == 304 and answer.body == b"" and answer["ETag"] == etag
    assert ask(node, target_of("config.json"), headers=['If-None-Match: "other"']).status == 200


# --- GET

@pytest.mark.asan
def test_cold_then_warm(hub, node, model, larder):
    for path, entry in files_of(model).items():
        answer = ask(node, target_of(path.replace(" ", "%20")))
        assert answer.status == 200 and answer.body == content_of(entry), path
        check_headers(answer, entry, model.refs["main"])
        if entry.size:
            wait_for(lambda digest=entry.sha256: larder.has_blob(digest), path)
    before = hub.counters()["content_bytes"]
    for _ in range(3):
        for path, entry in files_of(model).items():
            assert ask(node, target_of(path.replace(" ", "%20"))).body == content_of(entry), path
    assert hub.counters()["content_bytes"] == before


@pytest.mark.asan
def test_warm_after_a_restart(hub, model, larder):
    entry = files_of(model)["model.safetensors"]
    larder.ok("get", "org/model")
    before = hub.counters()["content_bytes"]
    with GatewayNode(larder) as again:
        for _ in range(3):
            assert ask(again, target_of("model.safetensors")).body == content_of(entry)
        assert ask(again, target_of("model.safetensors"), headers=["Range: bytes=%d-%d" % (MIB - 5, 2 * MIB + 5)]).body == \
            content_of(entry)[MIB - 5:2 * MIB + 6]
    assert hub.counters()["content_bytes"] == before


@pytest.mark.asan
def test_ranges_of_what_is_held(node, model, larder):
    larder.ok("get", "org/model")
    entry = files_of(model)["model.safetensors"]
    content, size = content_of(entry), entry.size
    for text, first, end in (("0-0", 0, 1), ("5-9", 5, 10), ("%d-" % (size - 3), size - 3, size), ("-7", size - 7, size), ("0-", 0, size),
                             ("%d-%d" % (size - 5, size), size - 5, size), ("%d-%d" % (MIB - 1, MIB), MIB - 1, MIB + 1), ("-%d" % (2 * size), 0, size)):
        answer = ask(node, target_of("model.safetensors"), headers=["Range: bytes=" + text])
        assert answer.status == 206 and answer.body == content[first:end], text
        assert answer["Content-Range"] == "bytes %d-%d/%d" % (first, end - 1, size) and answer["Content-Length"] == str(end - first)
        check_headers(answer, entry, model.refs["main"])
    answer = ask(node, target_of("model.safetensors"), headers=["Range: bytes=%d-" % size])
    assert answer.status == 416 and answer["Content-Range"] == "bytes */%d" % size
    for several in ("0-1,5-6", "x"):
        assert ask(node, target_of("model.safetensors"), headers=["Range: bytes=" + several]).body == content
    assert ask(node, target_of("model.safetensors"), headers=["Range: bytes=1-2", 'If-Range: "other"']).body == content
    assert ask(node, target_of("model.safetensors"), headers=["Range: bytes=1-2", 'If-Range: "%s"' % entry.etag]).status == 206


@pytest.mark.asan
def test_small_ranges_of_what_is_not_held(hub, node, model, larder):
    """Looks into a file, as for a header of safetensors, do not fetch it."""
    entry = files_of(model)["model.safetensors"]
    content = content_of(entry)
    for first, end in ((0, 1), (0, 8), (8, 70000), (MIB - 5, MIB + 70000)):
        answer = ask(node, target_of("model.safetensors"), headers=["Range: bytes=%d-%d" % (first, end - 1)])
        assert answer.status == 206 and answer.body == content[first:end]
        check_headers(answer, entry, model.refs["main"])
    assert not larder.has_blob(entry.sha256)
    assert hub.counters()["content_bytes"] < 400000


@pytest.mark.asan
def test_a_download_in_pieces_becomes_one_fetch(hub, node, model, larder):
    entry = files_of(model)["model.safetensors"]
    content, got, step = content_of(entry), b"", 300000
    for first in range(0, entry.size, step):
        answer = ask(node, target_of("model.safetensors"), headers=["Range: bytes=%d-%d" % (first, first + step - 1)])
        assert answer.status == 206
        got += answer.body
    assert got == content
    wait_for(lambda: larder.has_blob(entry.sha256), "it is held")
    assert hub.counters()["content_bytes"] < 1.5 * entry.size


def test_many_clients_are_one_fetch(hub, node, model):
    size = 24 * MIB
    hub.add("org/big", {"big.bin": (size, "big")})
    before = hub.counters()["content_bytes"]
    hub.fault(action="slow", kind="content", path="big.bin", rate=20 * MIB)
    connections = [Connection(node) for _ in range(12)]
    for connection in connections:
        connection.ask(target_of("big.bin", repo="org/big"))
    digests = set()
    for connection in connections:
        answer = connection.answer()
        assert answer.status == 200 and len(answer.body) == size
        digests.add(hashlib.sha256(answer.body).hexdigest())
        connection.socket.close()
    assert digests == {hub.repo("org/big").find("main").files["big.bin"].sha256}
    assert hub.counters()["content_bytes"] - before < 1.2 * size


def test_a_client_that_leaves_does_not_stop_it(hub, node, larder):
    repo = hub.add("org/big", {"big.bin": (16 * MIB, "big")})
    entry = repo.find("main").files["big.bin"]
    hub.fault(action="slow", kind="content", path="big.bin", rate=8 * MIB)
    with Connection(node) as connection:
        connection.ask(target_of("big.bin", repo="org/big"))
        connection.head()
    wait_for(lambda: larder.has_blob(entry.sha256), "it is held")


@pytest.mark.asan
def test_bytes_come_while_they_are_fetched(hub, node):
    """The first ones are here while the hub still holds back the last."""
    repo = hub.add("org/big", {"big.bin": (4 * MIB, "big")})
    content = content_of(repo.find("main").files["big.bin"])
    fault = hub.fault(action="stall", kind="cdn", path="big.bin", at=2 * MIB + 1000)
    with Connection(node) as connection:
        connection.ask(target_of("big.bin", repo="org/big"))
        assert connection.head().startswith(b"HTTP/1.1 200")
        while len(connection.rest) < 2 * MIB + 1000:
            assert connection._more()
        assert connection.rest == content[:2 * MIB + 1000]
        hub.remove_fault(fault)


# --- the hub fails

@pytest.mark.asan
def test_wrong_bytes_never_make_a_whole(hub, node, larder):
    repo = hub.add("org/bad", {"bad.bin": (3 * MIB + 5, "bad"), "bad.txt": b"x" * 3000})
    for path in ("bad.bin", "bad.txt"):
        entry = repo.find("main").files[path]
        hub.fault(action="flip", kind="content", path=path, at=1000)
        for headers in ([], ["Range: bytes=0-"], ["Range: bytes=10-"]):
            answer = ask(node, target_of(path, repo="org/bad"), headers=headers)
            assert answer.status == 502 or answer.is_closed, (path, headers)
        assert not larder.has_blob(entry.sha256)


@pytest.mark.asan
def test_cut_connections_are_mended_unseen(hub, node):
    repo = hub.add("org/big", {"big.bin": (6 * MIB, "big")})
    hub.fault(action="cut", kind="cdn", path="big.bin", at=MIB + 17, times=1)
    hub.fault(action="cut", kind="cdn", path="big.bin", at=2 * MIB, times=1, nth=2, reset=True)
    answer = ask(node, target_of("big.bin", repo="org/big"))
    assert answer.status == 200 and answer.body == content_of(repo.find("main").files["big.bin"])


@pytest.mark.asan
def test_hub_away(hub, node, model, larder):
    ask(node, target_of("config.json"))
    ask(node, target_of("model.safetensors"), "HEAD")
    wait_for(lambda: larder.has_blob(files_of(model)["config.json"].sha256), "it is held")
    hub.down()
    answer = ask(node, target_of("config.json"))
    assert answer.status == 200 and answer.body == content_of(files_of(model)["config.json"])
    answer = ask(node, target_of("model.safetensors"))
    assert answer.status >= 500 and answer["X-Error-Message"]
    answer = ask(node, target_of("tokenizer.json"), "HEAD")
    assert answer.status == 504
    hub.up()


# --- from peers

@pytest.mark.asan
def test_from_a_peer(hub, other, holder, model):
    before = hub.counters()["content_bytes"]
    with GatewayNode(other, peers=[holder]) as node:
        wait_for(lambda: [p for p in node.peers() if p["here"] and p["digests"] >= len(FILES)], "the holder is known")
        for path, entry in files_of(model).items():
            answer = ask(node, target_of(path.replace(" ", "%20")))
            assert answer.status == 200 and answer.body == content_of(entry), path
            check_headers(answer, entry, model.refs["main"])
        hub.down()
        entry = files_of(model)["model.safetensors"]
        assert ask(node, target_of("model.safetensors")).body == content_of(entry)
        hub.up()
    assert hub.counters()["content_bytes"] == before


@pytest.mark.asan
def test_a_damaged_blob_is_repaired_unseen(hub, model, larder):
    larder.ok("get", "org/model")
    entry = files_of(model)["model.safetensors"]
    larder.damage(entry.sha256, 3 * MIB + 5)
    with GatewayNode(larder) as node:
        assert ask(node, target_of("model.safetensors")).body == content_of(entry)


# --- who may have what

@pytest.mark.asan
def test_gated_files_go_to_those_whom_the_hub_accepts(hub, node, larder):
    hub.add_token(TOKEN, "alice")
    hub.add_token("hf_other", "bob")
    repo = hub.add("org/gated", {"secret.bin": (MIB + 7, "secret")})
    hub.protect("org/gated", gated="auto", readers=["alice"])
    entry = repo.find("main").files["secret.bin"]
    mine, others = "Authorization: Bearer " + TOKEN, "Authorization: Bearer hf_other"
    target = target_of("secret.bin", repo="org/gated")
    commit_target = target_of("secret.bin", repo.refs["main"], "org/gated")
    assert ask(node, target, headers=[mine]).body == content_of(entry)
    wait_for(lambda: larder.has_blob(entry.sha256), "it is held")
    for where in (target, commit_target):
        answer = ask(node, where)
        assert answer.status == 401 and answer["X-Error-Code"] == "GatedRepo" and entry.sha256 not in str(answer.headers)
        assert ask(node, where, headers=[others]).status == 403
        assert ask(node, where, headers=["Authorization: Bearer hf_wrong"]).status == 401
        assert ask(node, where, headers=[mine]).body == content_of(entry)
    assert TOKEN not in node.log
    hub.down()
    assert ask(node, target).status >= 400
    assert ask(node, target, headers=[others]).status >= 400
    assert ask(node, commit_target, headers=[mine]).body == content_of(entry)
    hub.up()


@pytest.mark.asan
@pytest.mark.parametrize("question", ["", "/revision/main", "/tree/main?recursive=true", "/tree/COMMIT?recursive=true"])
def test_the_list_of_a_gated_repo_is_no_right_to_its_files(hub, node, larder, question):
    """The hub shows it to everybody; what is remembered of it must not stand for the hub's word on a file."""
    hub.add_token(TOKEN, "alice")
    hub.add_token("hf_other", "bob")
    repo = hub.add("org/gated", {"secret.bin": (MIB + 7, "secret"), "small.txt": "secret"})
    hub.protect("org/gated", gated="auto", readers=["alice"])
    commit = repo.refs["main"]
    for path in ("secret.bin", "small.txt"):
        assert ask(node, target_of(path, commit, "org/gated"), headers=["Authorization: Bearer " + TOKEN]).status == 200
    wait_for(lambda: larder.has_blob(repo.find("main").files["secret.bin"].sha256), "it is held")
    for is_away in (False, True):
        for headers in ([], ["Authorization: Bearer hf_other"]):
            if not is_away:
                assert ask(node, "/api/models/org/gated" + question.replace("COMMIT", commit), headers=headers).status == 200
            for path in ("secret.bin", "small.txt"):
                for target in (target_of(path, commit, "org/gated"), target_of(path, repo="org/gated"), "/org/gated/raw/%s/%s" % (commit, path)):
                    for method, part in (("GET", []), ("HEAD", []), ("GET", ["Range: bytes=0-3"])):
                        assert ask(node, target, method, headers=headers + part).status >= 400, (target, method)
        hub.down()
    assert ask(node, target_of("secret.bin", commit, "org/gated"), headers=["Authorization: Bearer " + TOKEN]).status == 200
    hub.up()


def test_the_nodes_own_token_is_not_for_others(hub, larder):
    hub.add_token(TOKEN, "alice")
    hub.add("org/private", {"secret.bin": (MIB, "secret")})
    hub.protect("org/private", private=True, readers=["alice"])
    with GatewayNode(larder, env={"HF_TOKEN": TOKEN}) as node:
        assert ask(node, target_of("secret.bin", repo="org/private"), headers=["Authorization: Bearer "]).status == 401
        answer = ask(node, target_of("secret.bin", repo="org/private"))
        assert answer.status == 401 and answer["X-Error-Code"] == "RepoNotFound"


# --- real clients

def test_curl(node, model, tmp_path):
    entry = files_of(model)["model.safetensors"]
    for _ in range(2):
        done = subprocess.run(["curl", "-sSfL", "-o", str(tmp_path / "got"), node.gateway + target_of("model.safetensors")], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "got").read_bytes() == content_of(entry)


# --- waiting

@pytest.mark.asan
def test_a_client_that_has_to_wait_is_kept(hub, node):
    """The hub is silent for longer than clients bear: they get a header that grows, then what they always get."""
    repo = hub.add("org/slow", {"slow.bin": (3 * MIB, "slow")})
    entry = repo.find("main").files["slow.bin"]
    hub.fault(action="hang", kind="cdn", path="slow.bin", seconds=10)
    target = target_of("slow.bin", repo="org/slow")
    with Connection(node) as connection, Connection(node) as part:
        connection.ask(target)
        part.ask(target, headers=["Range: bytes=%d-" % MIB, "User-Agent: unknown/None; hf_hub/1.29.0; python/3.11"])
        while b"X-Larder-Wait: .." not in connection.rest:
            assert connection._more()
        assert connection.rest.startswith(b"HTTP/1.1 200 OK\r\nX-Larder-Wait: ..")
        answer = connection.answer()
        assert answer.status == 200 and answer.body == content_of(entry) and not answer.is_closed
        assert answer["X-Larder-Wait"].endswith("HTTP/1.1 200 OK")
        check_headers(answer, entry, repo.refs["main"])
        answer = part.answer()
        assert answer.status == 206 and answer.body == content_of(entry)[MIB:]
        assert answer["X-HF-Warning"].startswith("larder; ") and answer["Content-Range"] == "bytes %d-%d/%d" % (MIB, entry.size - 1, entry.size)
        connection.ask(target)
        assert connection.answer().body == content_of(entry), "the connection is as good as before"


def test_a_client_that_waited_and_left(hub, node, larder):
    repo = hub.add("org/slow", {"slow.bin": (3 * MIB, "slow")})
    entry = repo.find("main").files["slow.bin"]
    hub.fault(action="hang", kind="cdn", path="slow.bin", seconds=12)
    with Connection(node) as connection:
        connection.ask(target_of("slow.bin", repo="org/slow"))
        while b"X-Larder-Wait: ." not in connection.rest:
            assert connection._more()
    wait_for(lambda: larder.has_blob(entry.sha256), "it is held")


def test_ending_while_clients_wait(hub, larder):
    hub.add("org/slow", {"slow.bin": (3 * MIB, "slow"), "slower.bin": (3 * MIB, "slower")})
    hub.fault(action="hang", kind=["cdn", "head"], path="slow*.bin", seconds=20)
    with GatewayNode(larder) as node:
        with Connection(node) as one, Connection(node) as two, Connection(node) as three:
            one.ask(target_of("slow.bin", repo="org/slow"), "HEAD")
            two.ask(target_of("slow.bin", repo="org/slow"))
            three.ask(target_of("slower.bin", repo="org/slow"), headers=["Range: bytes=0-7"])
            assert ask(node, "/-/nothing").status == 404
            assert node.stop() == 0
            assert one.is_closed() and two.is_closed() and three.is_closed()


# --- what the hub takes back, and what is known already

@pytest.mark.asan
def test_a_token_that_lost_its_right(hub, node, larder):
    hub.add_token(TOKEN, "alice")
    repo = hub.add("org/private", {"secret.bin": (MIB, "secret")})
    hub.protect("org/private", private=True, readers=["alice"])
    mine = ["Authorization: Bearer " + TOKEN]
    target = target_of("secret.bin", repo="org/private")
    assert ask(node, target, headers=mine).body == content_of(repo.find("main").files["secret.bin"])
    hub.protect("org/private", private=True, readers=[])
    wait_for(lambda: ask(node, target, headers=mine).status in (401, 403, 404), "it is asked again")
    hub.down()
    assert ask(node, target, headers=mine).status == 504
    assert ask(node, target_of("secret.bin", repo.refs["main"], "org/private"), headers=mine).status == 504
    hub.up()


def test_what_a_known_commit_lacks(hub, node, model, larder):
    """Optional files are asked for again and again."""
    larder.ok("resolve", "org/model")
    before = len(hub.log())
    for _ in range(5):
        answer = ask(node, target_of("adapter_config.json", model.refs["main"]), "HEAD")
        assert answer.status == 404 and answer["X-Error-Code"] == "EntryNotFound" and answer["X-Repo-Commit"] == model.refs["main"]
        assert ask(node, target_of("config.json", model.refs["main"]), "HEAD").status == 200
    assert len(hub.log()) == before


@pytest.mark.parametrize("seed", [1, 2])
def test_a_hub_in_trouble(hub, node, seed):
    """30 % of its answers fail, in all ways: downloads complete, and are right."""
    repo = hub.add("org/many", {"%d.%s" % (n, "bin" if n % 2 else "txt"): (n * 40000 + 1, "many%d" % n) for n in range(30)})
    for number, fault in enumerate(({"action": "close"}, {"action": "reset"}, {"action": "status", "code": 500}, {"action": "cut", "at": 3000}, {"action": "busy", "seconds": 1})):
        hub.fault(probability=0.06, seed=100 * seed + number, **fault)
    for path, entry in repo.find("main").files.items():
        for _ in range(8):
            answer = ask(node, target_of(path, repo="org/many"))
            if answer.status == 200 and not answer.is_closed:
                break
        assert answer.status == 200 and answer.body == content_of(entry), path


@pytest.mark.asan
def test_a_body_is_ended_and_not_reset(hub, node):
    """A reset is fatal to clients, an end is not; even where they have sent more meanwhile."""
    hub.add("org/bad", {"bad.bin": (3 * MIB + 5, "bad")})
    hub.fault(action="flip", kind="content", path="bad.bin", at=2 * MIB)
    with Connection(node) as connection:
        connection.ask(target_of("bad.bin", repo="org/bad"))
        assert connection.head().startswith(b"HTTP/1.1 200")
        for _ in range(20):
            connection.ask("/-/nothing")
        while connection._more():  # fails at a reset
            pass
        assert len(connection.rest) < 3 * MIB + 5


@pytest.mark.asan
def test_what_finds_no_room_is_passed_through(hub, larder):
    repo = hub.add("org/big", {"big.bin": (6 * MIB + 9, "big"), "bad.bin": (6 * MIB, "bad"), "note.txt": "x" * (3 * MIB)})
    hub.fault(action="flip", kind="content", path="bad.bin", at=1000)
    with GatewayNode(larder, "--max-size", "2M") as node:
        for path in ("big.bin", "note.txt"):
            entry = repo.find("main").files[path]
            assert ask(node, target_of(path, repo="org/big")).body == content_of(entry), path
            answer = ask(node, target_of(path, repo="org/big"), headers=["Range: bytes=10-"])
            assert answer.status == 206 and answer.body == content_of(entry)[10:]
        answer = ask(node, target_of("bad.bin", repo="org/big"))
        assert answer.is_closed and len(answer.body) == 5 * MIB
    assert larder.blobs() == []


def test_a_node_that_asks_no_hub_for_content(hub, model, larder):
    with GatewayNode(larder, "--hub-use", "never") as node:
        for headers in ([], ["Range: bytes=0-7"]):
            answer = ask(node, target_of("model.safetensors"), headers=headers)
            assert answer.status == 404 and "no peer" in answer["X-Error-Message"]
    assert hub.counters()["content_bytes"] == 0


@pytest.mark.asan
def test_a_part_of_what_only_a_peer_has_while_the_hub_is_away(hub, other, holder, model):
    entry = files_of(model)["model.safetensors"]
    before = hub.counters()["content_bytes"]
    with GatewayNode(other, peers=[holder]) as node:
        wait_for(lambda: [p for p in node.peers() if p["here"] and p["digests"] >= len(FILES)], "the holder is known")
        assert ask(node, target_of("model.safetensors", model.refs["main"]), "HEAD").status == 200
        hub.down()
        answer = ask(node, target_of("model.safetensors", model.refs["main"]), headers=["Range: bytes=%d-%d" % (MIB - 3, MIB + 3)])
        assert answer.status == 206 and answer.body == content_of(entry)[MIB - 3:MIB + 4]
        hub.up()
    assert hub.counters()["content_bytes"] == before

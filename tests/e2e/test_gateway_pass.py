"""What the gateway passes on to the hub and back: metadata, and all that is not its own to answer."""
import json
import urllib.error
import urllib.request

import pytest
from content import FILES, MIB, files_of
from gateways import Connection, GatewayNode, ask

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.fixture
def node(larder):
    with GatewayNode(larder, env={"HF_TOKEN": "hf_thenodesowntokenwhichnobodygets0000"}) as node:
        yield node


def open_url(node, target, method="GET", headers=None, body=None):
    """(status, headers, body); redirects are not followed."""
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None
    opener = urllib.request.build_opener(Stay, urllib.request.ProxyHandler({}))
    request = urllib.request.Request(node.gateway + target, data=body, method=method, headers=headers or {})
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read()


@pytest.mark.asan
def test_info_tree_refs_and_raw(node, model):
    status, headers, body = open_url(node, "/api/models/org/model/revision/main")
    assert status == 200 and json.loads(body)["sha"] == model.refs["main"]
    assert headers["X-Repo-Commit"] in (None, model.refs["main"])
    status, _, body = open_url(node, "/api/models/org/model/tree/main?recursive=true")
    assert status == 200 and {entry["path"] for entry in json.loads(body) if entry["type"] == "file"} == set(FILES)
    assert b"xetHash" not in body
    status, _, body = open_url(node, "/api/models/org/model/refs")
    assert status == 200 and json.loads(body)["branches"][0]["name"] == "main"
    status, _, body = open_url(node, "/org/model/raw/main/model.safetensors")
    assert status == 200 and body.startswith(b"version https://git-lfs")


@pytest.mark.asan
@pytest.mark.parametrize("kind, body", [("application/x-www-form-urlencoded", b"paths=config.json&expand=False"),
                                        ("application/json", b'{"paths": ["config.json"], "expand": false}')])
def test_paths_info_in_both_encodings(node, model, kind, body):
    status, _, answer = open_url(node, "/api/models/org/model/paths-info/main", "POST", {"Content-Type": kind}, body)
    assert status == 200 and [entry["path"] for entry in json.loads(answer)] == ["config.json"]


@pytest.mark.asan
def test_pages_of_a_listing_lead_back_here(hub, node, model):
    hub.set(page_size=2)
    target, seen = "/api/models/org/model/tree/main?recursive=true", []
    while target:
        status, headers, body = open_url(node, target)
        assert status == 200
        seen += [entry["path"] for entry in json.loads(body) if entry["type"] == "file"]
        link = headers["Link"]
        assert link is None or link.startswith("<%s/api/" % node.gateway), link
        target = link and link[1:link.index(">")].removeprefix(node.gateway)
    assert sorted(seen) == sorted(FILES)


@pytest.mark.asan
def test_the_clients_token_goes_and_the_nodes_own_does_not(hub, node):
    hub.add("org/private", {"file.bin": "private"})
    hub.add_token(TOKEN, "reader")
    hub.add_token("hf_thenodesowntokenwhichnobodygets0000", "owner")
    hub.protect("org/private", private=True, readers=["reader", "owner"])
    status, headers, _ = open_url(node, "/api/models/org/private")
    assert status == 401 and headers["X-Error-Code"] == "RepoNotFound"
    assert open_url(node, "/api/models/org/private", headers={"Authorization": "Bearer " + TOKEN})[0] == 200
    assert json.loads(open_url(node, "/api/whoami-v2", headers={"Authorization": "Bearer " + TOKEN})[2])["name"] == "reader"
    assert open_url(node, "/api/whoami-v2")[0] == 401
    assert TOKEN not in node.log


def test_a_renamed_repo(hub, node, model):
    hub.rename("org/model", "org/renamed")
    status, headers, _ = open_url(node, "/api/models/org/model")
    assert status == 307 and "org/renamed" in headers["Location"] and not headers["Location"].startswith(hub.url)


def test_cookies_and_hops_stay_behind(hub, node, model):
    hub.fault(action="set-headers", kind="info", headers={"Set-Cookie": "a=b", "X-Xet-Hash": "00", "Keep-Alive": "5"})
    status, headers, _ = open_url(node, "/api/models/org/model", headers={"Cookie": "token=secret"})
    assert status == 200 and not {"set-cookie", "x-xet-hash", "keep-alive"} & {name.lower() for name in headers}
    assert hub.log()[-1]["via"].startswith("1.1 larder-")


@pytest.mark.asan
def test_what_is_not_there_and_methods_that_write(node, model):
    assert open_url(node, "/api/models/org/none")[1]["X-Error-Code"] == "RepoNotFound"
    status, _, _ = open_url(node, "/api/models/org/model/nothing", "PUT", body=b"x" * 100000)
    assert 400 <= status < 500
    assert open_url(node, "/api/models/org/model/nothing", "DELETE")[0] in (404, 405, 501)


@pytest.mark.asan
def test_the_hub_is_away(hub, node, model):
    hub.down()
    status, headers, body = open_url(node, "/api/datasets?search=x")
    assert status == 504 and hub.url.removeprefix("http://").encode() in body and headers["X-Error-Message"]
    hub.up()
    assert open_url(node, "/api/models/org/model")[0] == 200


@pytest.mark.asan
def test_a_body_that_is_cut(hub, node, model):
    hub.fault(action="cut", kind="info", at=10, times=1)
    with pytest.raises(Exception, match="IncompleteRead|reset|closed|chunk"):
        open_url(node, "/api/models/org/model")
    assert ask(node, "/api/models/org/model", "HEAD").status in (200, 405)


def test_a_request_that_is_too_large(node):
    """Told before it is sent, where its length is told; else when all of it was."""
    with Connection(node) as connection:
        connection.ask("/api/models/org/model/commit/main", "POST", ["Content-Length: %d" % (65 << 20)])
        assert connection.answer().status == 413
    with Connection(node) as connection:
        connection.ask("/api/models/org/model/commit/main", "POST", ["Transfer-Encoding: chunked"])
        for _ in range(65):
            connection.send(b"100000\r\n" + bytes(1 << 20) + b"\r\n")
        connection.send(b"0\r\n\r\n")
        assert connection.answer().status == 413


# --- the listing that comes with an info

@pytest.mark.asan
def test_an_info_makes_all_heads_free(hub, node, model):
    commit = json.loads(open_url(node, "/api/models/org/model")[2])["sha"]
    before = hub.counters()["total_requests"]
    assert before <= 3
    for path in FILES:
        assert ask(node, "/org/model/resolve/%s/%s" % (commit, path.replace(" ", "%20")), "HEAD").status == 200
    assert hub.counters()["total_requests"] == before
    open_url(node, "/api/models/org/model")
    assert hub.counters()["total_requests"] == before + 1


def known(entries):
    return {(e["path"], e["oid"], e["size"], json.dumps(e.get("lfs"))) for e in entries if e["type"] == "file"}


@pytest.mark.asan
def test_info_and_tree_while_the_hub_is_away(hub, node, model):
    told = json.loads(open_url(node, "/api/models/org/model/revision/main")[2])
    tree = json.loads(open_url(node, "/api/models/org/model/tree/main?recursive=true")[2])
    hub.down()
    for revision in ("main", told["sha"]):
        status, _, body = open_url(node, "/api/models/org/model/revision/" + revision)
        remembered = json.loads(body)
        assert status == 200 and (remembered["id"], remembered["sha"]) == ("org/model", told["sha"])
        assert {file["rfilename"] for file in remembered["siblings"]} == set(FILES)
        status, _, body = open_url(node, "/api/models/org/model/tree/%s?recursive=true" % revision)
        assert status == 200 and known(json.loads(body)) == known(tree)
    assert open_url(node, "/api/models/org/unheard")[0] == 504


@pytest.mark.asan
def test_some_paths_and_sizes_while_the_hub_is_away(hub, node, model):
    target = "/api/models/org/model/paths-info/main"
    forms = [({"Content-Type": "application/json"}, json.dumps({"paths": ["model.safetensors", "tokenizer", "none"]}).encode()),
             ({"Content-Type": "application/x-www-form-urlencoded"}, b"paths=model.safetensors&paths=tokenizer&expand=False&paths=none")]
    told = json.loads(open_url(node, "/api/models/org/model/revision/main?blobs=true")[2])
    paths = [json.loads(open_url(node, target, "POST", *form)[2]) for form in forms]
    hub.down()
    for form, was in zip(forms, paths):
        status, _, body = open_url(node, target, "POST", *form)
        assert status == 200 and known(json.loads(body)) == known(was)
        assert [(e["type"], e["path"]) for e in json.loads(body)] == [("file", "model.safetensors"), ("directory", "tokenizer")]
    assert open_url(node, target, "POST", forms[0][0], b"nonsense")[0] == 504
    remembered = json.loads(open_url(node, "/api/models/org/model/revision/main?blobs=true")[2])
    assert remembered["siblings"] == told["siblings"]


@pytest.mark.asan
def test_a_hub_that_is_away_is_not_asked_for_what_is_remembered(hub, node, model):
    """It would keep programs waiting that have timeouts of their own."""
    open_url(node, "/api/models/org/model")
    hub.fault(action="close", times=None)
    assert open_url(node, "/api/models/org/model")[0] == 200
    before = hub.counters()["total_requests"]
    assert open_url(node, "/api/models/org/model")[0] == 200
    assert open_url(node, "/api/models/org/model/tree/main?recursive=true")[0] == 200
    assert open_url(node, "/api/models/org/unheard")[0] == 504
    assert hub.counters()["total_requests"] == before


# --- trees, refs and raw files without the hub

def told(entries):
    return sorted((e["type"], e["path"], e["size"]) for e in entries)


TREES = ("", "?recursive=false", "?recursive=true", "/tokenizer", "/onnx?recursive=True")


@pytest.mark.asan
def test_trees_are_made_of_the_listing_of_a_commit(hub, node, model):
    hub.commit("org/model", {"a-b.txt": "1", "a.b.txt": "2", "a/b.txt": "3", "a/c/d.bin": "4", "a0.txt": "5", "onnx/deep/er/x.txt": "6"})
    commit = model.refs["main"]
    mains = {tree: json.loads(open_url(node, "/api/models/org/model/tree/main" + tree)[2]) for tree in (*TREES, "/a", "/a?recursive=1")}
    ask(node, "/api/models/org/model/tree/" + commit)
    before = hub.counters()["total_requests"]
    for tree, entries in mains.items():
        status, _, body = open_url(node, "/api/models/org/model/tree/" + commit + tree)
        assert status == 200 and told(json.loads(body)) == told(entries), tree
        assert known(json.loads(body)) == known(entries)
    assert hub.counters()["total_requests"] == before
    status, headers, _ = open_url(node, "/api/models/org/model/tree/%s/none" % commit)
    assert status == 404 and headers["X-Error-Code"] == "EntryNotFound"
    assert "lastCommit" in json.loads(open_url(node, "/api/models/org/model/tree/%s?expand=true" % commit)[2])[0]
    assert open_url(node, "/api/models/org/model/tree/" + "0" * 40)[1]["X-Error-Code"] == "RevisionNotFound"


@pytest.mark.asan
def test_trees_while_the_hub_is_away(hub, node, model):
    mains = {tree: json.loads(open_url(node, "/api/models/org/model/tree/main" + tree)[2]) for tree in TREES}
    open_url(node, "/api/models/org/model")
    hub.down()
    for tree, entries in mains.items():
        status, _, body = open_url(node, "/api/models/org/model/tree/main" + tree)
        assert status == 200 and told(json.loads(body)) == told(entries), tree
    status, headers, _ = open_url(node, "/api/models/org/model/tree/main/none")
    assert status == 404 and headers["X-Error-Code"] == "EntryNotFound"


@pytest.mark.asan
def test_refs_while_the_hub_is_away(hub, node, model):
    model.tag("v1")
    open_url(node, "/api/models/org/model")
    hub.add("org/other", {"a.txt": "a"})
    open_url(node, "/api/models/org/other")
    seen = json.loads(open_url(node, "/api/models/org/model/refs?include_prs=1")[2])
    hub.down()
    for query in ("", "?include_prs=1"):
        status, _, body = open_url(node, "/api/models/org/model/refs" + query)
        assert status == 200 and json.loads(body) == seen
    main = json.loads(open_url(node, "/api/models/org/other/refs")[2])
    assert main["branches"] == [{"name": "main", "ref": "refs/heads/main", "targetCommit": hub.repo("org/other").refs["main"]}] and main["tags"] == []
    assert open_url(node, "/api/models/org/unheard/refs")[0] == 504


@pytest.mark.asan
def test_refs_of_a_private_repo_are_for_those_who_were_told(hub, node):
    hub.add("org/private", {"file.bin": "private"})
    hub.add_token(TOKEN, "reader")
    hub.protect("org/private", private=True, readers=["reader"])
    mine = {"Authorization": "Bearer " + TOKEN}
    assert open_url(node, "/api/models/org/private/refs", headers=mine)[0] == 200
    hub.down()
    assert open_url(node, "/api/models/org/private/refs", headers=mine)[0] == 200
    assert open_url(node, "/api/models/org/private/refs")[0] == 504
    assert open_url(node, "/api/models/org/private/refs", headers={"Authorization": "Bearer hf_other"})[0] == 504


@pytest.mark.asan
def test_raw_files(hub, node, model):
    """Pointers are made, and others come as they are; also while the hub is away."""
    def check():
        for path in ("model.safetensors", "config.json", "tokenizer/vocab.txt"):
            entry = files_of(model)[path]
            source = entry.pointer if entry.lfs else entry.source
            status, headers, body = open_url(node, "/org/model/raw/main/" + path)
            assert status == 200 and body == source.read(0, source.size) and headers["ETag"] == '"%s"' % entry.oid
            assert headers["X-Repo-Commit"] == model.refs["main"] and headers["X-Linked-Etag"] is None
            head = ask(node, "/org/model/raw/main/" + path, "HEAD")
            assert head.status == 200 and head["Content-Length"] == str(source.size)
    check()
    assert hub.counters()["content_bytes"] < MIB
    hub.down()
    check()
    assert open_url(node, "/org/model/raw/main/onnx/none.txt")[0] in (404, 504)

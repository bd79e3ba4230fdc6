"""Clients that are not run here, word by word: llama.cpp's downloader and Rust's hf-hub 0.5, whose answers have to be just so."""
import json

import pytest
from content import WEIGHTS, files_of
from gateways import Connection, GatewayNode, ask
from test_gateway_pass import open_url

FILE = "model.safetensors"
CHUNK = 2_000_000  # of hf-hub's, 10 MB there


@pytest.fixture
def node(larder):
    with GatewayNode(larder) as node:
        yield node


@pytest.fixture
def content(model):
    entry = files_of(model)[FILE]
    return entry.source.read(0, entry.size)


# --- llama.cpp

LLAMA = ["User-Agent: llama-cpp", "Accept: */*"]


def llama_file(node, model):
    """As it finds a file: the commit of main among the refs, what is in it, a HEAD. Its target."""
    refs = json.loads(open_url(node, "/api/models/org/model/refs")[2])
    commit = next(branch["targetCommit"] for branch in refs["branches"] if branch["name"] == "main")
    tree = json.loads(open_url(node, "/api/models/org/model/tree/%s?recursive=true" % commit)[2])
    entry = next(entry for entry in tree if entry["type"] == "file" and entry["path"] == FILE)
    assert entry["lfs"]["oid"] == files_of(model)[FILE].sha256
    target = "/org/model/resolve/%s/%s" % (commit, FILE)
    head = ask(node, target, "HEAD", LLAMA)
    assert head.status == 200 and head["Accept-Ranges"] == "bytes" and head["Content-Length"] == str(WEIGHTS) and head["ETag"] == '"%s"' % entry["lfs"]["oid"]
    return target


@pytest.mark.asan
def test_llama_from_the_start_and_from_where_it_was(node, model, content):
    """It goes on at any place, cold and warm, and takes nothing but a 206 for that."""
    target = llama_file(node, model)
    rest = ask(node, target, headers=[*LLAMA, "Range: bytes=%d-" % (WEIGHTS // 2)])
    assert rest.status == 206 and rest.body == content[WEIGHTS // 2:]
    whole = ask(node, target, headers=LLAMA)
    assert whole.status == 200 and whole.body == content
    for first in (0, 1, WEIGHTS - 1):
        rest = ask(node, target, headers=[*LLAMA, "Range: bytes=%d-" % first])
        assert (rest.status, rest["Content-Range"]) == (206, "bytes %d-%d/%d" % (first, WEIGHTS - 1, WEIGHTS)) and rest.body == content[first:]
    assert ask(node, target, headers=[*LLAMA, "Range: bytes=%d-" % WEIGHTS]).status == 416


@pytest.mark.asan
def test_llama_takes_paths_as_they_are(hub, node):
    """It does not escape them."""
    repo = hub.add("org/odd", {"größe +1 (2).gguf": b"weights"})
    for path, entry in files_of(repo).items():
        for written in (path, path.replace(" ", "%20")):
            if " " not in written:
                answer = ask(node, "/org/odd/resolve/main/" + written, headers=LLAMA)
                assert answer.status == 200 and answer.body == entry.source.read(0, entry.size)


# --- hf-hub 0.5

RUST = ["user-agent: unknown/None; hf-hub/0.5.0; rust/unknown", "accept: */*"]


def rust_facts(connection, target):
    """It asks for one byte instead of a HEAD, and needs the commit, an etag without W/, and the size of the whole."""
    connection.ask(target, headers=[*RUST, "range: bytes=0-0"])
    answer = connection.answer()
    assert answer.status == 206 and len(answer.body) == 1
    etag = answer["X-Linked-Etag"] or answer["ETag"]
    assert etag.startswith('"') and len(answer["X-Repo-Commit"]) == 40
    return etag.strip('"'), int(answer["Content-Range"].rpartition("/")[2])


@pytest.mark.asan
@pytest.mark.parametrize("path", [FILE, "config.json"])
def test_rust_one_after_the_other(node, model, path):
    entry = files_of(model)[path]
    with Connection(node) as connection:
        etag, size = rust_facts(connection, "/org/model/resolve/main/" + path)
        assert etag == (entry.sha256 if entry.lfs else entry.oid) and size == entry.size
        for first in (0, size // 3):  # from the start, and from what a .part has
            connection.ask("/org/model/resolve/main/" + path, headers=[*RUST, "range: bytes=%d-" % first])
            answer = connection.answer()
            assert answer.status == 206 and answer.body == entry.source.read(first, size - first)


@pytest.mark.asan
def test_rust_in_chunks(node, model, content):
    """The last chunk is asked for to one byte past the end."""
    target, got = "/org/model/resolve/main/" + FILE, b""
    with Connection(node) as connection:
        _, size = rust_facts(connection, target)
        for first in range(0, size, CHUNK):
            connection.ask(target, headers=[*RUST, "range: bytes=%d-%d" % (first, min(first + CHUNK - 1, size) if first + CHUNK < size else size)])
            answer = connection.answer()
            assert answer.status == 206
            got += answer.body
    assert got == content

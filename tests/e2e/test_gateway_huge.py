"""Files that are too large for huggingface_hub to take them by plain HTTP: nothing but their sizes is moved here."""
import json

import pytest
from content import MIB
from gateways import GatewayNode, ask
from hub_content import Source
from larder import NO_SPACE
from test_clients import RELEASES, Client, python_with
from test_gateway_pass import open_url

LIMIT = 50_000_000_000


class Claimed(Source):
    """Zeros, as many as it says; nobody reads them all."""

    def __init__(self, size):
        self.size = size

    def read(self, offset, length):
        return bytes(length)

    def sha256(self):
        return "%064x" % self.size


FILES = {"huge.bin": Claimed(LIMIT + 1), "large.bin": Claimed(LIMIT), "config.json": "{}"}


@pytest.fixture
def repo(hub):
    return hub.add("org/huge", FILES)


@pytest.fixture
def node(larder, repo):
    with GatewayNode(larder) as node:
        yield node


def target_of(path, revision="main"):
    return "/org/huge/resolve/%s/%s" % (revision, path)


@pytest.mark.asan
def test_the_way_to_xet_is_left_open(hub, node, repo):
    entry = repo.find("main").files["huge.bin"]
    for revision in ("main", repo.refs["main"]):
        answer = ask(node, target_of("huge.bin", revision), "HEAD")
        assert answer["X-Xet-Hash"] == entry.xet_hash and answer["X-Linked-Size"] == str(LIMIT + 1) and answer["X-Linked-ETag"] == '"%s"' % entry.sha256
        assert answer["X-Repo-Commit"] == repo.refs["main"]
        assert '<%s/api/models/org/huge/xet-read-token/' % node.gateway in answer["Link"] and 'rel="xet-auth"' in answer["Link"]
    for path in ("large.bin", "config.json"):
        answer = ask(node, target_of(path), "HEAD")
        assert answer.status == 200 and answer["X-Xet-Hash"] is None and answer["Link"] is None
    tree = json.loads(open_url(node, "/api/models/org/huge/tree/main?recursive=true")[2])
    assert [item["path"] for item in tree if "xetHash" in item] == ["huge.bin"]


@pytest.mark.asan
def test_who_has_been_sent_there_is_let_in(hub, node, repo):
    hub.fault(action="status", kind="xet", code=200, body='{"casUrl": "https://cas.example"}',
              headers={"X-Xet-Cas-Url": "https://cas.example", "X-Xet-Access-Token": "t", "Set-Cookie": "a=b"})
    status, headers, body = open_url(node, "/api/models/org/huge/xet-read-token/" + repo.refs["main"])
    assert status == 200 and headers["X-Xet-Cas-Url"] == "https://cas.example" and headers["X-Xet-Access-Token"] == "t" and b"casUrl" in body
    assert headers["Set-Cookie"] is None


@pytest.mark.asan
def test_others_take_it_as_any_file(hub, node, repo):
    part = ask(node, target_of("huge.bin"), headers=["Range: bytes=%d-%d" % (LIMIT - 5, LIMIT)])
    assert part.status == 206 and part.body == bytes(6) and part["Content-Range"] == "bytes %d-%d/%d" % (LIMIT - 5, LIMIT, LIMIT + 1)
    assert part["X-Xet-Hash"] is None
    assert hub.counters()["content_bytes"] == 6
    hub.down()
    answer = ask(node, target_of("huge.bin", repo.refs["main"]), "HEAD")
    assert answer.status == 200 and answer["Content-Length"] == str(LIMIT + 1)


def test_larder_get_needs_nothing_but_room(hub, larder, repo):
    assert larder.ok("resolve", "org/huge:huge.bin", "--json").out.find(str(LIMIT + 1)) > 0
    refused = larder.fails(NO_SPACE, "get", "org/huge:huge.bin", env={"LARDER_MAX_SIZE": "1G"})
    assert "Xet" not in refused.err
    assert hub.counters()["content_bytes"] <= 64 * MIB


@pytest.mark.parametrize("release", RELEASES)
def test_huggingface_hub_goes_there(hub, node, repo, release, tmp_path):
    """Whether it would: it looks for this before it takes the first byte."""
    told = Client(python_with(release), node, tmp_path).run(
        "from huggingface_hub import get_hf_file_metadata, hf_hub_url\n"
        "def look(path):\n"
        "    found = get_hf_file_metadata(hf_hub_url('org/huge', path))\n"
        "    return [found.size, found.etag, found.xet_file_data and [found.xet_file_data.file_hash, found.xet_file_data.refresh_route]]\n"
        "print(json.dumps([look('huge.bin'), look('large.bin')]))")
    entry = repo.find("main").files["huge.bin"]
    assert told[0][:2] == [LIMIT + 1, entry.sha256] and told[1] == [LIMIT, repo.find("main").files["large.bin"].sha256, None]
    assert told[0][2][0] == entry.xet_hash and told[0][2][1].startswith(node.gateway + "/api/models/org/huge/xet-read-token/")

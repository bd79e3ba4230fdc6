"""The test hub itself: what it answers, what it counts, and that its faults are the ones asked for."""
import gzip
import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from hub import Hub  # noqa: E402
from hub_tls import make_certificates  # noqa: E402
from proxy import Proxy  # noqa: E402

MIB = 1 << 20
SIZE = 5 * MIB + 77
CONFIG = b'{"model_type": "test"}\n' * 20


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def ask(url, method="GET", headers=None, data=None, follow=False):
    """(status, headers, body), redirects shown unless followed."""
    opener = urllib.request.build_opener(*([] if follow else [NoRedirect]), urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


@pytest.fixture
def hub():
    with Hub() as hub:
        repo = hub.add("org/model", {"config.json": CONFIG, "sub/model.safetensors": (SIZE, 1), "empty.txt": b""})
        repo.tag("v1.0")
        hub.file = hub.url + "/org/model/resolve/main/sub/model.safetensors"
        hub.entry = repo.find("main").files["sub/model.safetensors"]
        yield hub


def link(hub):
    return ask(hub.file)[1]["Location"]


def control(hub, **fields):
    return json.loads(ask(hub.control_url, "POST", data=json.dumps(fields).encode())[2])


def test_lfs_head_is_a_redirect_with_linked_headers(hub):
    status, headers, _ = ask(hub.file, "HEAD")
    assert status == 302
    assert headers["X-Linked-ETag"] == '"%s"' % hub.entry.sha256
    assert headers["X-Linked-Size"] == str(SIZE)
    assert len(headers["X-Repo-Commit"]) == 40
    assert 'rel="xet-auth"' in headers["Link"] and headers["X-Xet-Hash"] != hub.entry.sha256
    assert headers["Location"].startswith(hub.cdn_url + "/xet-bridge-us/")
    assert int(headers["Content-Length"]) < 2000


def test_content_through_the_cdn(hub):
    status, headers, body = ask(hub.file, follow=True)
    assert status == 200 and hashlib.sha256(body).hexdigest() == hub.entry.sha256
    assert headers["ETag"].strip('"') not in (hub.entry.sha256, "") and len(headers["ETag"]) == 66
    counters = hub.counters()
    assert counters["content_bytes"] == SIZE and counters["content_requests"] == 1
    assert counters["requests"] == {"resolve": 1, "cdn": 1}
    assert counters["files"]["org/model:sub/model.safetensors"] == {"requests": 1, "bytes": SIZE}


@pytest.mark.parametrize("spec,begin,end", [("0-0", 0, 1), ("5-9", 5, 10), ("100-", 100, SIZE),
                                            ("-7", SIZE - 7, SIZE), ("10-%d" % SIZE, 10, SIZE)])
def test_ranges(hub, spec, begin, end):
    status, headers, body = ask(link(hub), headers={"Range": "bytes=" + spec})
    assert status == 206 and headers["Content-Range"] == "bytes %d-%d/%d" % (begin, end - 1, SIZE)
    assert body == hub.entry.source.read(begin, end - begin)


def test_range_beyond_the_end(hub):
    status, headers, _ = ask(link(hub), headers={"Range": "bytes=%d-" % SIZE})
    assert status == 416 and headers["Content-Range"] == "bytes */%d" % SIZE


def test_small_file_goes_through_the_resolve_cache(hub):
    url = hub.url + "/org/model/resolve/v1.0/config.json"
    status, headers, _ = ask(url)
    assert status == 307 and headers["Location"].startswith("/api/resolve-cache/models/org/model/")
    status, headers, body = ask(url, follow=True)
    sha1 = hashlib.sha1(b"blob %d\0" % len(CONFIG) + CONFIG).hexdigest()
    assert status == 200 and body == CONFIG and headers["ETag"] == '"%s"' % sha1
    status, headers, body = ask(url, follow=True, headers={"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip" and "Content-Length" not in headers
    assert gzip.decompress(body) == CONFIG
    status, headers, body = ask(url, follow=True, headers={"Accept-Encoding": "gzip", "Range": "bytes=1-3"})
    assert status == 206 and body == CONFIG[1:4] and "Content-Encoding" not in headers
    status, headers, body = ask(hub.url + "/org/model/resolve/main/empty.txt", follow=True)
    assert status == 200 and body == b""


def test_raw_gives_the_pointer(hub):
    _, _, body = ask(hub.url + "/org/model/raw/main/sub/model.safetensors")
    assert body.decode() == "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (
        hub.entry.sha256, SIZE)
    assert ask(hub.url + "/org/model/raw/main/config.json")[2] == CONFIG


def test_tree_pages(hub):
    hub.set(page_size=2)
    url = hub.url + "/api/models/org/model/tree/main?recursive=true&expand=false"
    items = []
    while url:
        _, headers, body = ask(url)
        items += json.loads(body)
        url = headers["Link"].split(">")[0][1:] if headers["Link"] else None
    assert [i["path"] for i in items] == ["config.json", "empty.txt", "sub", "sub/model.safetensors"]
    assert items[3]["lfs"]["oid"] == hub.entry.sha256 and items[3]["size"] == SIZE and items[3]["xetHash"]
    assert items[2]["type"] == "directory"
    assert len(json.loads(ask(hub.url + "/api/models/org/model/tree/main/sub")[2])) == 1
    assert ask(hub.url + "/api/models/org/model/tree/main/none")[1]["X-Error-Code"] == "EntryNotFound"


def test_info_refs_and_paths(hub):
    base = hub.url + "/api/models/org/model"
    info = json.loads(ask(base + "?blobs=true")[2])
    assert info["private"] is False and info["gated"] is False and len(info["siblings"]) == 3
    assert {s["rfilename"]: s for s in info["siblings"]}["sub/model.safetensors"]["lfs"]["sha256"] == hub.entry.sha256
    assert json.loads(ask(base + "/revision/v1.0")[2])["sha"] == info["sha"]
    refs = json.loads(ask(base + "/refs")[2])
    assert refs["branches"] == [{"name": "main", "ref": "refs/heads/main", "targetCommit": info["sha"]}]
    assert refs["tags"][0]["name"] == "v1.0"
    form = urllib.parse.urlencode({"paths": ["config.json", "none"]}, doseq=True).encode()
    assert [i["path"] for i in json.loads(ask(base + "/paths-info/main", "POST", data=form)[2])] == ["config.json"]
    got = ask(base + "/paths-info/main", "POST", {"Content-Type": "application/json"}, b'{"paths":["sub"]}')
    assert json.loads(got[2])[0]["type"] == "directory"


def test_revisions_and_datasets(hub):
    repo = hub.add("datasets/org/data", {"a.txt": "one"})
    repo.commit({"a.txt": "two"}, branch="refs/pr/1")
    old = repo.refs["main"]
    repo.commit({"a.txt": "three"})
    base = hub.url + "/datasets/org/data/resolve/"
    assert ask(base + "main/a.txt", follow=True)[2] == b"three"
    assert ask(base + old + "/a.txt", follow=True)[2] == b"one"
    assert ask(base + "refs%2Fpr%2F1/a.txt", follow=True)[2] == b"two"
    assert ask(base + "refs/pr/1/a.txt", follow=True)[2] == b"two"
    assert ask(base + "none/a.txt")[1]["X-Error-Code"] == "RevisionNotFound"
    assert ask(base + "main/none")[1]["X-Error-Code"] == "EntryNotFound"
    hub.add("gpt2", {"a.txt": "legacy"})
    assert ask(hub.url + "/gpt2/resolve/main/a.txt", follow=True)[2] == b"legacy"
    assert json.loads(ask(hub.url + "/api/models/gpt2/tree/main")[2])[0]["path"] == "a.txt"


def test_who_may_read(hub):
    hub.add_token("hf_yes", "reader")
    hub.add_token("hf_no", "other")
    url = hub.url + "/org/model/resolve/main/config.json"
    info = hub.url + "/api/models/org/model"

    def as_(token, where=url):
        status, headers, _ = ask(where, headers={"Authorization": "Bearer " + token} if token else {})
        return status, headers["X-Error-Code"]

    hub.protect("org/model", gated="auto", readers=["reader"])
    assert as_("") == (401, "GatedRepo") and as_("hf_no") == (403, "GatedRepo") and as_("hf_yes") == (307, None)
    assert as_("", info) == (200, None)
    hub.protect("org/model", gated="auto", readers=["reader"], info_public=False)
    assert as_("", info) == (401, "GatedRepo")
    hub.protect("org/model", private=True, readers=["reader"])
    assert as_("") == (401, None) and as_("hf_no") == (404, "RepoNotFound") and as_("hf_yes") == (307, None)
    assert as_("hf_bad") == (401, None)
    assert ask(hub.url + "/no/such/resolve/main/x")[0] == 401


def test_token_at_the_cdn_is_recorded(hub):
    url = link(hub)
    ask(url)
    assert hub.counters()["leaks"] == []
    ask(url, headers={"Authorization": "Bearer hf_secret"})
    assert len(hub.counters()["leaks"]) == 1


def test_renamed_and_wrong_case(hub):
    hub.rename("org/model", "org/Better")
    status, headers, _ = ask(hub.file)
    assert status == 307 and headers["Location"] == "/org/Better/resolve/main/sub/model.safetensors"
    assert ask(hub.url + "/api/models/org/model/tree/main")[1]["Location"] == "/api/models/org/Better/tree/main"
    assert ask(hub.url + "/org/better/resolve/main/config.json", follow=True)[2] == CONFIG


def test_rate_limits(hub):
    assert '"resolvers";r=2999' in ask(hub.file)[1]["RateLimit"]
    hub.quota("api", 1, 60)
    assert ask(hub.url + "/api/models/org/model")[0] == 200
    status, headers, _ = ask(hub.url + "/api/models/org/model")
    assert status == 429 and '"api";r=0;t=' in headers["RateLimit"] and int(headers["Retry-After"]) > 0


def test_faults_on_the_way_to_an_answer(hub):
    for action, wanted in (("close", http.client.RemoteDisconnected), ("reset", ConnectionResetError)):
        hub.fault(action=action, kind="resolve", times=1)
        with pytest.raises(wanted):
            ask(hub.file)
        assert ask(hub.file)[0] == 302
    hub.fault(action="status", kind="head", code=503, nth=2, times=1)
    assert [ask(hub.file, "HEAD")[0] for _ in range(3)] == [302, 503, 302]
    hub.fault(action="busy", kind="tree", seconds=3, form="ratelimit", times=1)
    status, headers, _ = ask(hub.url + "/api/models/org/model/tree/main")
    assert status == 429 and headers["RateLimit"] == '"resolvers";r=0;t=3' and headers["Retry-After"] is None
    hub.fault(action="portal", mode="redirect", times=1)
    status, headers, _ = ask(hub.file)
    assert status == 302 and b"log in" in ask(headers["Location"])[2]
    hub.fault(action="portal", mode="page")
    assert ask(hub.file)[1]["Content-Type"].startswith("text/html")


def test_faults_in_the_body(hub):
    good = hub.entry.source.read(0, SIZE)

    def with_fault(**fields):
        hub.clear_faults()
        hub.fault(kind="cdn", **fields)
        return ask(link(hub))

    assert with_fault(action="flip", at=MIB + 3)[2] == good[:MIB + 3] + bytes([good[MIB + 3] ^ 16]) + good[MIB + 4:]
    status, headers, body = with_fault(action="long", extra=5)
    assert headers["Content-Length"] == str(SIZE + 5) and body[:SIZE] == good and len(body) == SIZE + 5
    assert with_fault(action="short", missing=5)[2] == good[:-5]
    assert gzip.decompress(with_fault(action="gzip")[2]) == good
    for fields in ({"action": "cut", "at": 1000}, {"action": "length", "delta": 1}):
        with pytest.raises(http.client.IncompleteRead):
            with_fault(**fields)
    with pytest.raises(ConnectionResetError):
        with_fault(action="cut", at=4 * MIB, reset=True)


def test_faults_of_ranges_and_headers(hub):
    hub.fault(action="no-range", kind="cdn", times=1)
    assert ask(link(hub), headers={"Range": "bytes=5-9"})[0] == 200
    hub.fault(action="range-header", kind="cdn", delta=3, times=1)
    assert ask(link(hub), headers={"Range": "bytes=5-9"})[1]["Content-Range"] == "bytes 8-12/%d" % SIZE
    hub.fault(action="drop-headers", kind="head", names=["x-linked-etag"])
    hub.fault(action="set-headers", kind="head", headers={"X-Repo-Commit": "odd"})
    headers = ask(hub.file, "HEAD")[1]
    assert headers["X-Linked-ETag"] is None and headers["X-Repo-Commit"] == "odd"


def test_links_expire(hub):
    url = link(hub)
    hub.expire_links()
    assert ask(url)[0] == 403 and ask(link(hub))[0] == 200
    hub.fault(action="expire-after", kind="cdn", at=1000, times=1)
    url = link(hub)
    with pytest.raises(http.client.IncompleteRead):
        ask(url)
    assert ask(url)[0] == 403 and ask(link(hub))[0] == 200
    hub.set(link_seconds=0)
    assert ask(link(hub))[0] == 403


def test_slow_stalled_and_silent(hub):
    hub.fault(action="slow", kind="cdn", rate=20 * MIB, times=1)
    begun = time.monotonic()
    ask(link(hub))
    assert time.monotonic() - begun > 0.2
    hub.fault(action="stall", kind="cdn", at=10, times=1)
    hub.fault(action="hang", kind="tree")
    with socket.create_connection((hub.cdn.host, hub.cdn.port), 5) as sock:
        parts = urllib.parse.urlsplit(link(hub))
        sock.sendall(b"GET %s?%s HTTP/1.1\r\nHost: x\r\n\r\n" % (parts.path.encode(), parts.query.encode()))
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        assert len(answer.read(10)) == 10
        sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            answer.read(1)
        assert hub.counters()["content_bytes"] == SIZE + 10
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(hub.url + "/api/models/org/model/tree/main", timeout=0.3)


def test_down_and_up(hub):
    hub.down()
    with pytest.raises(urllib.error.URLError):
        ask(hub.file)
    hub.up()
    assert ask(hub.file)[0] == 302


def test_random_failures_are_the_same_each_time(hub):
    def pattern():
        hub.clear_faults()
        hub.fault(action="status", code=500, kind="head", probability=0.5, seed=7)
        return [ask(hub.file, "HEAD")[0] for _ in range(20)]

    assert pattern() == pattern() and set(pattern()) == {302, 500}


def test_control_from_another_process(hub):
    number = control(hub, op="fault", action="status", code=502, kind="head")
    assert ask(hub.file, "HEAD")[0] == 502
    assert control(hub, op="fault_hits", number=number) == 1
    control(hub, op="clear_faults")
    assert ask(hub.file, "HEAD")[0] == 302
    assert json.loads(ask(hub.control_url)[2])["requests"] == {"head": 2}
    assert [e["status"] for e in control(hub, op="log")] == [502, 302]
    assert control(hub, op="down") is None
    assert "error" in control(hub, op="fault", action="dance")


def test_keeps_connections_open(hub):
    connection = http.client.HTTPConnection(hub.origin.host, hub.origin.port)
    for _ in range(3):
        connection.request("GET", "/org/model/resolve/main/sub/model.safetensors")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 302
    connection.close()


def test_as_a_program_with_curl(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    hub = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "hub.py"), "--print-ready",
                            "--repo", "org/one=%s" % tmp_path, "--generate", "org/two:a.bin=3M"],
                           stdout=subprocess.PIPE, text=True)
    try:
        ready = json.loads(hub.stdout.readline())
        got = subprocess.run(["curl", "-sSL", "--noproxy", "*", ready["hub"] + "/org/one/resolve/main/config.json"],
                             capture_output=True)
        assert got.stdout == b"{}"
        assert len(ask(ready["hub"] + "/org/two/resolve/main/a.bin", follow=True)[2]) == 3 * MIB
    finally:
        hub.terminate()
        assert hub.wait(10) == 0


def test_over_tls(tmp_path):
    authority, pair = make_certificates(str(tmp_path))
    with Hub(tls=pair) as hub:
        hub.add("org/model", {"a.bin": (3 * MIB, 1)})
        got = subprocess.run(["curl", "-sSL", "--noproxy", "*", "--cacert", authority,
                              hub.url + "/org/model/resolve/main/a.bin"], capture_output=True)
        assert len(got.stdout) == 3 * MIB, got.stderr
        assert subprocess.run(["curl", "-s", "--noproxy", "*", hub.url], capture_output=True).returncode == 60


def test_through_the_proxy(hub):
    with Proxy() as proxy:
        for extra, method in (([], "GET"), (["--proxytunnel"], "CONNECT")):
            got = subprocess.run(["curl", "-sSL", "--noproxy", "", "--proxy", proxy.url, *extra, hub.file],
                                 capture_output=True)
            assert len(got.stdout) == SIZE, got.stderr
            assert proxy.requests[-1] == "%s %s" % (method, hub.cdn_url.split("/")[-1])
        assert proxy.bytes > 2 * SIZE


def test_pages_of_any_site_may_read(hub):
    """The origin of a redirected request is "null"."""
    for origin in ("https://page.example", "null"):
        for path in ("/org/model/resolve/main/config.json", "/org/model/resolve/main/model.safetensors", "/org/model/resolve/main/none", "/api/models/org/model"):
            assert ask(hub.url + path, headers={"Origin": origin}, follow=True)[1]["Access-Control-Allow-Origin"] == origin, path

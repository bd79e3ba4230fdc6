"""What of a request reaches the hub, and what of its answer comes back; and repos of all types by all their names."""
import http.server
import json
import threading

import pytest
from content import FILES
from gateways import Connection, GatewayNode
from larder import Larder
from test_gateway_pass import open_url

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123456789"


class Origin(http.server.ThreadingHTTPServer):
    """In the hub's place: keeps all that was asked, and answers with `status` and `headers`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Asked)
        self.url = "http://127.0.0.1:%d" % self.server_port
        self.asked, self.status, self.headers, self.body = [], 200, {}, b'{"ok": true}'
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Asked(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, self.headers, body))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.server.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, *_):
        pass


@pytest.fixture
def origin():
    with Origin() as origin:
        yield origin
        origin.shutdown()


@pytest.fixture
def relay(tmp_path, origin):
    """A gateway whose hub is `origin`."""
    larder = Larder(tmp_path / "relay", origin.url)
    with GatewayNode(larder, env={"HF_TOKEN": "hf_thenodesowntokenwhichnobodygets0000"}) as node:
        yield node
    larder.check()


@pytest.fixture
def node(larder):
    with GatewayNode(larder) as node:
        yield node


# --- there

@pytest.mark.asan
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
def test_method_query_and_body_go_as_they_are(origin, relay, method):
    target = "/api/models/org/model/any%2Fthing?a=1&b=%20x&expand=y&expand=z"
    sent = bytes(range(256)) * 4096 if method in ("POST", "PUT") else None
    status, _, body = open_url(relay, target, method, {"Content-Type": "application/octet-stream"}, sent)
    assert status == 200 and body == (b"" if method == "HEAD" else origin.body)
    asked, path, headers, received = origin.asked[-1]
    assert (asked, path, received) == (method, target, sent or b"")
    assert headers["Content-Type"] == "application/octet-stream" or sent is None


@pytest.mark.asan
def test_a_chunked_body_arrives_whole(origin, relay):
    with Connection(relay) as connection:
        connection.ask("/api/models/org/model/preupload/main", "POST", ["Transfer-Encoding: chunked"])
        for piece in (b"one ", b"two ", b"three"):
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
        assert connection.answer().status == 200
    assert origin.asked[-1][3] == b"one two three" and origin.asked[-1][2]["Content-Type"] is None


@pytest.mark.asan
def test_which_headers_reach_the_hub(origin, relay):
    sent = {"User-Agent": "hf_hub/1.0; origin/x", "X-Amzn-Trace-Id": "trace", "X-HF-Bill-To": "org", "Cookie": "token=secret",
            "Proxy-Authorization": "Basic eA==", "Authorization": "Bearer " + TOKEN}
    open_url(relay, "/api/whoami-v2", headers=sent)
    headers = origin.asked[-1][2]
    assert headers["Host"] == origin.url.removeprefix("http://") and headers.get_all("Authorization") == ["Bearer " + TOKEN]
    assert [headers[name] for name in ("User-Agent", "X-Amzn-Trace-Id", "X-HF-Bill-To")] == [sent["User-Agent"], "trace", "org"]
    assert headers["Via"].startswith("1.1 larder-") and not headers["Cookie"] and not headers["Proxy-Authorization"]
    open_url(relay, "/api/whoami-v2")
    assert origin.asked[-1][2]["Authorization"] is None


@pytest.mark.asan
def test_a_range_is_one_of_what_is_not_compressed(origin, relay):
    open_url(relay, "/org/model/blob/main/config.json", headers={"Accept-Encoding": "gzip"})
    assert "gzip" in origin.asked[-1][2]["Accept-Encoding"]
    open_url(relay, "/org/model/blob/main/config.json", headers={"Range": "bytes=0-3", "Accept-Encoding": "gzip"})
    assert origin.asked[-1][2]["Range"] == "bytes=0-3" and "gzip" not in origin.asked[-1][2]["Accept-Encoding"]


# --- and back

@pytest.mark.asan
def test_addresses_of_the_hub_become_ones_of_the_gateway(origin, relay):
    origin.status = 302
    origin.headers = {"Location": origin.url + "/login?next=x", "Link": '<%s/a?cursor=1>; rel="next", <https://other.example/b>; rel="last"' % origin.url}
    status, headers, _ = open_url(relay, "/settings")
    assert status == 302 and headers["Location"] == relay.gateway + "/login?next=x"
    assert headers["Link"] == '<%s/a?cursor=1>; rel="next", <https://other.example/b>; rel="last"' % relay.gateway
    for elsewhere in ("https://other.example/x", origin.url + "0/x", "/api/relative"):
        origin.headers = {"Location": elsewhere}
        assert open_url(relay, "/settings")[1]["Location"] == elsewhere


@pytest.mark.asan
@pytest.mark.parametrize("status", [201, 400, 403, 404, 409, 429, 500, 503])
def test_a_status_comes_back_with_its_headers(origin, relay, status):
    origin.status, origin.body = status, b'{"error": "so it is"}'
    origin.headers = {"X-Error-Message": "so it is", "X-Request-Id": "Root=1", "Retry-After": "7", "RateLimit": '"api";r=0;t=7', "Set-Cookie": "a=b"}
    told, headers, body = open_url(relay, "/api/models/org/model/discussions", "POST", body=b"{}")
    assert (told, body) == (status, origin.body)
    assert [headers[name] for name in ("X-Error-Message", "X-Request-Id", "Retry-After", "RateLimit")] == ["so it is", "Root=1", "7", '"api";r=0;t=7']
    assert headers["Set-Cookie"] is None


# --- repos

@pytest.mark.asan
@pytest.mark.parametrize("kind", ["models", "datasets", "spaces"])
def test_repos_of_all_types(hub, node, kind):
    repo = hub.add(("" if kind == "models" else kind + "/") + "org/thing", FILES)
    repo.refs["refs/pr/1"] = repo.refs["main"]
    base = "/api/%s/org/thing" % kind
    for revision in ("main", repo.refs["main"], "refs%2Fpr%2F1"):
        assert json.loads(open_url(node, "%s/revision/%s" % (base, revision))[2])["sha"] == repo.refs["main"]
        entries = json.loads(open_url(node, "%s/tree/%s/onnx" % (base, revision))[2])
        assert [(entry["path"], "xetHash" in entry) for entry in entries] == [("onnx/model.onnx", False)]
    assert open_url(node, base + "/refs")[0] == 200
    assert open_url(node, base + "/tree/main/none")[1]["X-Error-Code"] == "EntryNotFound"
    assert open_url(node, base + "/tree/none")[1]["X-Error-Code"] == "RevisionNotFound"

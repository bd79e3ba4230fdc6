"""What others than well-meaning programs of this machine send to the gateway: they get nothing, and the node lives on."""
import socket

import pytest
from content import files_of
from gateways import Connection, GatewayNode, answers_to, ask
from nodes import Node

PAGE = "https://page.example"


@pytest.fixture
def node(larder):
    with GatewayNode(larder, "--gateway-origin", PAGE, "--gateway-host", "larder.lan") as node:
        yield node
        assert ask(node, "/-/nothing").status == 404, "it does not answer any more"


@pytest.fixture
def quiet(hub):
    """No request may reach the hub."""
    yield
    assert hub.log() == []


ANY = "/org/model/resolve/main/config.json"


@pytest.mark.asan
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:5274", "", "192.0.2.1"])
def test_other_hosts(node, quiet, host):
    answer = ask(node, ANY, headers=["Host: " + host])
    assert answer.status == 403 and "gateway_host" in answer["X-Error-Message"]


def test_own_hosts(node, quiet):
    for host in ("localhost", "127.0.0.1", "[::1]:5274", "larder.lan", "LARDER.lan:80"):
        assert ask(node, "/-/nothing", headers=["Host: " + host]).status == 404, host


@pytest.mark.asan
@pytest.mark.parametrize("headers", [["Origin: https://evil.example"], ["Origin: null"], ["Sec-Fetch-Site: cross-site"],
                                     ["Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"]])
def test_pages_of_others(node, quiet, headers):
    answer = ask(node, ANY, headers=headers)
    assert answer.status == 403 and answer["Access-Control-Allow-Origin"] is None


def test_preflight_of_another_page(node, quiet):
    answer = ask(node, ANY, "OPTIONS", ["Origin: https://evil.example", "Access-Control-Request-Method: GET"])
    assert answer.status == 403 and answer["Access-Control-Allow-Methods"] is None


def test_preflight_of_a_listed_page(node, quiet):
    answer = ask(node, ANY, "OPTIONS", ["Origin: " + PAGE, "Sec-Fetch-Site: cross-site", "Access-Control-Request-Method: GET",
                                        "Access-Control-Request-Private-Network: true"])
    assert answer.status == 204 and answer["Access-Control-Allow-Origin"] == PAGE
    assert "Range" in answer["Access-Control-Allow-Headers"] and answer["Access-Control-Allow-Private-Network"] == "true"


def test_a_listed_page_may_read_errors(node, quiet):
    answer = ask(node, "/-/nothing", headers=["Origin: " + PAGE, "Sec-Fetch-Site: cross-site"])
    assert answer.status == 404 and answer["Access-Control-Allow-Origin"] == PAGE
    assert "X-Error-Code" in answer["Access-Control-Expose-Headers"] and answer["Vary"] == "Origin"


@pytest.mark.asan
@pytest.mark.parametrize("target", ["/..", "/a/../b", "/a/%2e%2e/b", "/org/model/resolve/main/..%2f..%2fetc%2fpasswd", "/a%00b", "/a%0d%0aX:y", "//a", "/a//b",
                                    "http://huggingface.co/org/model/resolve/main/config.json", "/a%zz", "*"])
def test_tricks_with_paths(node, quiet, target):
    answer = ask(node, target)
    assert answer.status == 400 and answer["X-Error-Message"]


def test_long_targets(node, quiet):
    assert ask(node, "/" + "a" * 9000).status == 414
    assert ask(node, "/" + "a" * 100000).status in (414, 431, 413)


@pytest.mark.asan
@pytest.mark.parametrize("lines", [
    ["Host: {host}", "Content-Length: 5", "Transfer-Encoding: chunked"],
    ["Host: {host}", "Transfer-Encoding: chunked", "Content-Length: 5"],
    ["Host: {host}", "Content-Length: 5", "Content-Length: 6"],
    ["Host: {host}", "Content-Length: 5", "Content-Length: 5"],
    ["Host: {host}", "Transfer-Encoding: gzip, chunked"],
    ["Host: {host}", "Transfer-Encoding: x"],
    ["Host: {host}", "Host: {host}"],
    ["Host: {host}", "Content-Length: +5"],
    ["Host: {host}", "Content-Length: -1"],
    ["Host: {host}", "Content-Length: 99999999999999999999"],
    ["Host: {host}", "Content-Length : 5"],
    ["Accept: */*"],
])
def test_two_requests_in_one(node, quiet, lines):
    head = "\r\n".join(["POST /org/model HTTP/1.1", *lines]).format(host=node.gateway_host)
    answers = answers_to(node, head + "\r\n\r\n0\r\n\r\nGET /-/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert len(answers) <= 1, "what is behind it was taken for a request"
    assert [a.status for a in answers] in ([], [400], [413]), answers


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 5000, b"GET\r\n\r\n", b"\r\n" * 3000, b"GET /a\0b HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                  b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nX" + b"y" * 40000 + b": z\r\n\r\n"])
@pytest.mark.asan
def test_noise(node, quiet, data):
    with Connection(node) as connection:
        try:
            connection.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it had enough


@pytest.mark.asan
@pytest.mark.parametrize("data", [b"GET /a\0b HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /-/status\0 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n"])
def test_broken_requests(node, quiet, data):
    assert all(a.status >= 400 for a in answers_to(node, data))


def test_one_connection_many_requests(node, quiet):
    with Connection(node) as connection:
        for _ in range(50):
            connection.ask("/-/nothing")
            assert connection.answer().status == 404
        for _ in range(50):
            connection.ask("/-/nothing")
        assert [connection.answer().status for _ in range(50)] == [404] * 50


def test_idle_connections(node, quiet):
    """Thousands of them cost others nothing."""
    idle = [socket.create_connection(node.gateway_address) for _ in range(2000)]
    half = [socket.create_connection(node.gateway_address) for _ in range(200)]
    for connection in half:
        connection.sendall(b"GET / HTTP/1.1\r\nHo")
    assert ask(node, "/-/nothing").status == 404
    for connection in idle + half:
        connection.close()


def test_headers_that_do_not_end(node, quiet):
    """A byte now and then does not hold a place for ever."""
    with Connection(node) as connection:
        connection.ask("/-/nothing")
        assert connection.answer().status == 404
        connection.send("GET / HTTP/1.1\r\n")
        connection.socket.settimeout(5)
        while True:
            connection.send("X: y\r\n")
            try:
                assert connection.is_closed()
                break
            except TimeoutError:
                pass


def test_clients_that_read_slowly(larder, hub, node):
    """They hold up nobody, and get all of it when they go on."""
    entry = files_of(hub.add("org/big", {"big.bin": (16 << 20, "big")}))["big.bin"]  # more than the system keeps for them
    content, target = entry.source.read(0, entry.size), "/org/big/resolve/main/big.bin"
    slow = [Connection(node) for _ in range(100)]
    for connection in slow:
        connection.ask(target)
    assert ask(node, target).body == content
    assert ask(node, "/-/nothing").status == 404
    for connection in slow[::20]:
        assert connection.answer().body == content
    for connection in slow:
        connection.socket.close()


def test_telemetry_and_agents_are_answered_at_once(node, quiet):
    assert ask(node, "/api/telemetry/x/y", "HEAD").status == 200
    assert ask(node, "/api/agent-harnesses").status == 404


def test_ending_with_connections(larder, hub):
    with GatewayNode(larder) as node:
        with Connection(node) as connection:
            connection.send("GET / HT")
            assert node.stop() == 0
            assert connection.is_closed()


def test_open_to_nobody(larder):
    with GatewayNode(larder, "--gateway", "off,0.0.0.0:0") as node:
        assert "gateway_allow names the networks" in node.log
    with GatewayNode(larder, "--gateway", "off,0.0.0.0:0", "--gateway-allow", "192.0.2.0/24") as node:
        assert "gateway_allow" not in node.log


def test_a_taken_port(larder, other):
    with GatewayNode(larder) as first:
        with Node(other, "--gateway", "off," + first.gateway_host) as second:
            assert second.gateway is None
            assert first.gateway_host in second.log and "process %d (larderd)" % first.process.pid in second.log


@pytest.mark.asan
def test_its_own_questions(larder, node):
    via = "Via: 1.1 proxy, 1.1 larder-" + node.status()["node"]
    answer = ask(node, ANY, headers=[via])
    assert answer.status == 508 and "itself" in answer["X-Error-Message"]
    assert ask(node, "/-/nothing", headers=["Via: 1.1 larder-0123456789abcdef"]).status == 404


@pytest.mark.asan
def test_a_node_that_is_its_own_hub(larder, tmp_path):
    with socket.socket() as finder:
        finder.bind(("127.0.0.1", 0))
        port = finder.getsockname()[1]
    larder.env["LARDER_HUB"] = "http://127.0.0.1:%d" % port
    with Node(larder, "--gateway", "off,127.0.0.1:%d" % port) as node:
        node.gateway_address, node.gateway_host = ("127.0.0.1", port), "127.0.0.1:%d" % port
        answer = ask(node, ANY)
        assert answer.status >= 500 and "508" in answer["X-Error-Message"]

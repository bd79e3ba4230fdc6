"""Bodies that are sent past the HTTP library: large ones, of what is held and was checked."""
import signal
import socket
import threading

import pytest
from content import MIB, files_of
from gateways import Connection, GatewayNode, ask

SIZE = 20 * MIB + 77
PAGES = ("/org/large/resolve/main/large.bin", "/-/blob/sha256/%s")


@pytest.fixture
def large(hub, larder):
    """(its entry, its content); held."""
    entry = files_of(hub.add("org/large", {"large.bin": (SIZE, "large")}))["large.bin"]
    larder.ok("get", "org/large")
    return entry, entry.source.read(0, SIZE)


@pytest.fixture
def node(larder, large):
    with GatewayNode(larder) as node:
        for page in PAGES:  # its chunks are checked by that
            assert len(ask(node, page.replace("%s", large[0].sha256)).body) == SIZE
        yield node
        assert ask(node, "/-/status").status == 200


@pytest.mark.asan
@pytest.mark.parametrize("page", PAGES)
def test_whole_and_in_parts(node, large, page):
    entry, content = large
    page = page.replace("%s", entry.sha256)
    for _ in range(3):
        with Connection(node) as connection:
            connection.ask(page)
            answer = connection.answer()
            assert answer.status == 200 and answer.body == content and answer["Connection"] == "close" and answer["ETag"] == '"%s"' % entry.sha256
            assert connection.is_closed()
    for first, last in ((0, 8 * MIB), (MIB - 1, SIZE - 2), (SIZE - 9 * MIB, SIZE - 1), (5, 5 + 8 * MIB - 1), (5, 5 + 8 * MIB - 2)):
        part = ask(node, page, headers=["Range: bytes=%d-%d" % (first, last)])
        assert part.status == 206 and part.body == content[first:last + 1]
        assert part["Content-Range"] == "bytes %d-%d/%d" % (first, last, SIZE)


@pytest.mark.asan
def test_what_was_asked_besides_does_no_harm(node, large):
    """The next request is not answered on this connection; the body is whole all the same."""
    with Connection(node) as connection:
        connection.ask(PAGES[0])
        for _ in range(20):
            connection.ask("/-/nothing")
        answer = connection.answer()
        assert answer.body == large[1] and not answer.is_closed


@pytest.mark.asan
def test_who_leaves_and_who_takes_his_time(node, large):
    for _ in range(20):
        with Connection(node) as connection:
            connection.ask(PAGES[0])
            assert connection.head()
    with Connection(node) as slow:
        slow.ask(PAGES[0])
        assert slow.head()
        assert ask(node, PAGES[0]).body == large[1]  # others are not held up
        while len(slow.rest) < SIZE:
            slow.rest += slow.socket.recv(50000)
        assert slow.rest == large[1]


@pytest.mark.asan
def test_many_at_once(node, large):
    right = []

    def take():
        right.append(ask(node, PAGES[0]).body == large[1])

    takers = [threading.Thread(target=take) for _ in range(16)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert right == [True] * 16


@pytest.mark.asan
def test_the_node_ends_meanwhile(larder, large):
    with GatewayNode(larder) as node:
        ask(node, PAGES[0])
        with Connection(node) as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.ask(PAGES[0])
            assert connection.head()
            assert node.stop(signal.SIGTERM) == 0
            while connection._more():
                pass
            assert len(connection.rest) < SIZE

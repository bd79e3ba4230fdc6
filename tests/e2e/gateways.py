"""The gateway of a node, spoken to byte by byte."""
import re
import socket

from nodes import Node

TIMEOUT_S = 30


class GatewayNode(Node):
    """A node with a gateway on a free port."""

    def __init__(self, larder, *flags, **options):
        super().__init__(larder, "--gateway", "off,127.0.0.1:0", *flags, **options)
        assert self.gateway, self.log
        host, port = self.gateway.removeprefix("http://").rsplit(":", 1)
        self.gateway_address = (host, int(port))
        self.gateway_host = "%s:%s" % (host, port)


class Answer:
    def __init__(self, head, body, is_closed):
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.status = int(lines[0].split(" ")[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.body = body
        self.is_closed = is_closed  # by the other end, before the body's length was reached

    def __getitem__(self, name):
        return self.headers.get(name.lower())

    def __repr__(self):
        return "%s %r %r" % (self.line, self.headers, self.body[:300])


class Connection:
    def __init__(self, node):
        self.socket = socket.create_connection(node.gateway_address, timeout=TIMEOUT_S)
        self.host = node.gateway_host
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def ask(self, target, method="GET", headers=(), body=b""):
        """One request as it should be; `headers`: lines."""
        lines = ["%s %s HTTP/1.1" % (method, target), *headers]
        if not any(line.lower().startswith("host:") for line in headers):
            lines.append("Host: " + self.host)
        if body:
            lines.append("Content-Length: %d" % len(body))
        self.send("\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body)

    def _more(self):
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionResetError:
            raise AssertionError("the connection was reset; so far: %r" % self.rest[:500]) from None
        self.rest += data
        return bool(data)

    def is_closed(self):
        """Whether the other end has nothing more to say."""
        return not self.rest and not self._more()

    def head(self):
        """The next status line and headers, None when the connection ends before."""
        while b"\r\n\r\n" not in self.rest:
            if not self._more():
                return None
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        return head

    def answer(self, without_body=False):
        """The next answer; None when the connection ends before."""
        head = self.head()
        if head is None:
            return None
        found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        length = int(found[1]) if found and not without_body else 0
        is_closed = False
        while len(self.rest) < length and not is_closed:
            is_closed = not self._more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return Answer(head, body, is_closed)


def ask(node, target, method="GET", headers=(), body=b""):
    """One request on a connection of its own."""
    with Connection(node) as connection:
        connection.ask(target, method, headers, body)
        return connection.answer(without_body=method == "HEAD")


def answers_to(node, data):
    """All answers to these bytes, until the node closes, which it has to."""
    with Connection(node) as connection:
        connection.send(data)
        connection.socket.shutdown(socket.SHUT_WR)
        found = []
        while True:
            answer = connection.answer()
            if answer is None:
                return found
            found.append(answer)

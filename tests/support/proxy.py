"""A forward HTTP proxy for tests: CONNECT and absolute addresses, counting what goes through."""
import os
import select
import socket
import sys
import threading
from urllib.parse import urlsplit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from hub_http import Origin  # noqa: E402

PIECE = 256 * 1024
HOP_HEADERS = ("proxy-connection", "proxy-authorization", "connection")


class Proxy:
    """`requests`: "METHOD host:port" of each; `bytes`: what went back to the client."""

    def __init__(self, host="127.0.0.1", port=0):
        self.lock = threading.Lock()
        self.requests = []
        self.bytes = 0
        self.origin = Origin(host, port, self._on_request)
        self.url = self.origin.url

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.origin.down()

    def _on_request(self, exchange):
        connect = exchange.method == "CONNECT"
        place = exchange.target if connect else urlsplit(exchange.target).netloc
        host, _, port = place.partition(":")
        with self.lock:
            self.requests.append("%s %s" % (exchange.method, place))
        with socket.create_connection((host, int(port or 80)), 10) as upstream:
            if connect:
                exchange.sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                upstream.sendall(self._forwarded(exchange))
            self._relay(exchange.sock, upstream)
        exchange.close()

    def _forwarded(self, exchange):
        """The request as the server wants it; one a connection, so that its end is the end of the answer."""
        parts = urlsplit(exchange.target)
        path = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        lines = ["%s %s HTTP/1.1" % (exchange.method, path)]
        lines += ["%s: %s" % (k, v) for k, v in exchange.headers.items() if k not in HOP_HEADERS]
        return ("\r\n".join(lines + ["Connection: close", "", ""])).encode("latin-1") + exchange.body

    def _relay(self, client, upstream):
        while not self.origin.closing.is_set():
            readable, _, _ = select.select([client, upstream], [], [], 0.5)
            for source, target in ((client, upstream), (upstream, client)):
                if source not in readable:
                    continue
                data = source.recv(PIECE)
                if not data:
                    return
                target.sendall(data)
                if target is client:
                    with self.lock:
                        self.bytes += len(data)

"""A small HTTP/1.1 server over plain sockets, for tests: it can break every rule on purpose.

An Origin listens on one address, reads requests and gives each to `handler(exchange)` on the connection's own thread.
The handler answers through the Exchange: `answer()` for a whole answer, or `close()`, `reset()`, `hang()`.
"""
import email.parser
import os
import select
import socket
import struct
import threading
import time
from urllib.parse import unquote, urlsplit

from hub_content import BytesSource, unsent_bytes

REASONS = {200: "OK", 206: "Partial Content", 302: "Found", 304: "Not Modified", 307: "Temporary Redirect",
           400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 416: "Range Not Satisfiable",
           429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}
HEAD_LIMIT = 64 * 1024
SEND_BUFFER = 256 * 1024


class Gone(Exception):
    """The connection is over, by our will or theirs."""


class Exchange:
    """One request and its answer."""

    def __init__(self, origin, sock, method, target, headers, body):
        self.origin = origin
        self.sock = sock
        self.method = method
        self.target = target
        parts = urlsplit(target)
        self.raw_path = parts.path
        self.path = unquote(parts.path)
        self.query = parts.query
        self.headers = headers
        self.body = body
        self.status = 0
        self.sent = 0
        self.keep = headers.get("connection", "").lower() != "close"

    def answer(self, status, headers, segments=(), chunked=False, line=None, pause=None, end=None):
        """`segments`: (source, offset, length) in order. `line`: a Line to send them through. `pause`: (bytes, seconds
        or None) after which it stops. `end`: "close" or "reset" afterwards. Content-Length is the caller's, who may lie."""
        self.status = status
        lines = ["HTTP/1.1 %d %s" % (status, REASONS.get(status, "Status"))]
        lines += ["%s: %s" % item for item in headers]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        if self.method != "HEAD":
            if chunked:
                self._send_chunked(segments)
            else:
                self._send_segments(segments, line, pause)
        if end == "reset":
            self.reset()
        if end or not self.keep:
            self.close()

    def _send_chunked(self, segments):
        for source, offset, length in segments:
            if length:
                self.sock.sendall(b"%x\r\n%s\r\n" % (length, source.read(offset, length)))
                self.sent += length
        self.sock.sendall(b"0\r\n\r\n")

    def _send_segments(self, segments, line, pause):
        for source, offset, length in segments:
            while length > 0:
                step = length if line is None else min(length, max(1, int(line.rate / 500)))
                if pause and self.sent < pause[0]:
                    step = min(step, pause[0] - self.sent)
                try:
                    done = source.send(self.sock, offset, step)
                except OSError:
                    self.sent = max(0, self.sent - unsent_bytes(self.sock))
                    raise
                self.sent += done
                offset += done
                length -= done
                if pause and self.sent == pause[0]:
                    self.hang(pause[1])
                if line is not None:
                    seconds = line.wait_for(done, time.monotonic())
                    if seconds > 0:
                        self._wait(seconds)
        if pause and pause[0] == 0 and self.sent == 0:
            self.hang(pause[1])

    def _wait(self, seconds):
        if self.origin.closing.wait(seconds):
            raise Gone

    def hang(self, seconds=None):
        """Says nothing for so long, or until either end gives up."""
        end = None if seconds is None else time.monotonic() + seconds
        while end is None or time.monotonic() < end:
            left = 0.2 if end is None else min(0.2, max(0, end - time.monotonic()))
            readable, _, _ = select.select([self.sock], [], [], left)
            if readable and not self.sock.recv(1, socket.MSG_PEEK):
                raise Gone
            if self.origin.closing.is_set():
                raise Gone
            if readable:
                self._wait(left)

    def close(self):
        raise Gone

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.sock.detach())  # close() would wait for the reader that shares the socket
        raise Gone


class Origin:
    """Listens on host:port (0: any free one) and serves until close(). down() and up() stop and resume listening."""

    def __init__(self, host, port, handler, context=None):
        self.host = host
        self.handler = handler
        self.context = context
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.connections = set()
        self.listener = None
        self.port = port
        self.up()

    @property
    def url(self):
        return "%s://%s:%d" % ("https" if self.context else "http", self.host, self.port)

    def up(self):
        self.closing = threading.Event()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(256)
        self.port = listener.getsockname()[1]
        self.listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def down(self):
        """Refuses connections and cuts those there are."""
        self.closing.set()
        with self.lock:
            listener, self.listener = self.listener, None
            connections = list(self.connections)
        if listener:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for sock in connections:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A small buffer keeps the count of sent bytes near to what the client has taken.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            with self.lock:
                self.connections.add(sock)
            reader = sock.makefile("rb")
            while not self.closing.is_set():
                exchange = self._read(sock, reader)
                if exchange is None:
                    break
                self.handler(exchange)
        except (Gone, OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.connections.discard(sock)
            self._end(sock)

    def _end(self, sock):
        """A clean FIN: unread input would turn it into a reset."""
        try:
            sock.shutdown(socket.SHUT_WR)
            sock.settimeout(0.2)
            while sock.recv(65536):
                pass
        except (OSError, ValueError):
            pass
        sock.close()

    def _read(self, sock, reader):
        line = reader.readline(HEAD_LIMIT)
        if not line.strip():
            return None
        method, target, _ = line.decode("latin-1").split(None, 2)
        lines = []
        while True:
            line = reader.readline(HEAD_LIMIT)
            if line in (b"\r\n", b"\n", b""):
                break
            lines.append(line)
        text = b"".join(lines).decode("latin-1")
        headers = {k.lower(): v for k, v in email.parser.Parser().parsestr(text).items()}
        body = reader.read(int(headers.get("content-length", 0)))
        return Exchange(self, sock, method, target, headers, body)


def text_segments(text):
    source = BytesSource(text if isinstance(text, bytes) else text.encode())
    return [(source, 0, source.size)]


def total(segments):
    return sum(length for _, _, length in segments)


def parse_range(text, size):
    """(start, end) with end excluded; None for no or an unusable range; "beyond" for 416."""
    if not text or not text.startswith("bytes=") or "," in text:
        return None
    first, dash, last = text[6:].strip().partition("-")
    if not dash or not (first or last) or not (first + last).isdigit():
        return None
    if not first:
        count = min(int(last), size)
        return (size - count, size) if count else "beyond"
    start = int(first)
    end = min(int(last) + 1, size) if last else size
    if start >= size:
        return "beyond"
    return (start, end) if end > start else None

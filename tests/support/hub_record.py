"""What the test hub has seen: requests, bytes, tokens in wrong places; and the rate limits it keeps."""
import threading
import time

CONTENT = ("resolve", "cached", "cdn")
SENDING = ("cached", "cdn")
SETTLE_SECONDS = 0.05
LOG_LIMIT = 100000


class Record:
    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        with self.lock:
            self.active = {}
            self.most = {}
            self.requests = {}
            self.bytes = {}
            self.files = {}
            self.log = []
            self.leaks = []

    def begin(self, kind, repo, path, exchange):
        line = {"kind": kind, "repo": repo, "file": path, "method": exchange.method, "target": exchange.target,
                "range": exchange.headers.get("range"), "status": None, "bytes": 0,
                "auth": "authorization" in exchange.headers, "agent": exchange.headers.get("user-agent"),
                "via": exchange.headers.get("via")}
        with self.lock:
            self.active[exchange] = line
            self.requests[kind] = self.requests.get(kind, 0) + 1
            at_once = sum(other["kind"] == kind for other in self.active.values())
            self.most[kind] = max(self.most.get(kind, 0), at_once)
            if len(self.log) < LOG_LIMIT:
                self.log.append(line)
            if path and kind in CONTENT:
                self._file(line)["requests"] += kind in SENDING

    def end(self, exchange):
        """Called once for each request when its answer has ended, however it ended."""
        with self.lock:
            line = self.active.pop(exchange, None)
            if line is None:
                return  # it began before reset()
            kind = line["kind"]
            line.update(status=exchange.status, bytes=exchange.sent)
            self.bytes[kind] = self.bytes.get(kind, 0) + exchange.sent
            if line["file"] and kind in SENDING:
                self._file(line)["bytes"] += exchange.sent

    def _file(self, line):
        return self.files.setdefault("%s:%s" % (line["repo"], line["file"]), {"requests": 0, "bytes": 0})

    def settle(self):
        """Waits a moment for answers whose last byte a client has just read."""
        end = time.monotonic() + SETTLE_SECONDS
        while self.active and time.monotonic() < end:
            time.sleep(0.002)

    def leak(self, what, exchange):
        with self.lock:
            self.leaks.append({"where": what, "target": exchange.target,
                               "authorization": exchange.headers.get("authorization", "")[:12]})

    def summary(self):
        """requests, bytes and the most requests at once by kind; requests and bytes by file; `content_requests` and `content_bytes` over all files, the latter with
        those of answers that have not ended."""
        with self.lock:
            moving = sum(e.sent for e, line in self.active.items() if line["kind"] in SENDING)
            return {"requests": dict(self.requests), "bytes": dict(self.bytes), "most_at_once": dict(self.most),
                    "files": {k: dict(v) for k, v in self.files.items()},
                    "total_requests": sum(self.requests.values()),
                    "content_requests": sum(f["requests"] for f in self.files.values()),
                    "content_bytes": moving + sum(f["bytes"] for f in self.files.values()),
                    "leaks": list(self.leaks)}


class Quotas:
    """The hub's fixed windows: so many requests of a sort in so many seconds."""

    def __init__(self):
        self.lock = threading.Lock()
        self.limits = {"api": (500, 300), "resolvers": (3000, 300), "pages": (100, 300)}
        self.used = {}
        self.enforced = False

    def set(self, name, requests, window):
        with self.lock:
            self.limits[name] = (requests, window)
            self.used.pop(name, None)
            self.enforced = True

    def take(self, name):
        """(headers, seconds to wait or 0)."""
        with self.lock:
            quota, window = self.limits[name]
            now = time.monotonic()
            begun, count = self.used.get(name, (now, 0))
            if now - begun >= window:
                begun, count = now, 0
            over = self.enforced and count >= quota
            self.used[name] = (begun, count + (0 if over else 1))
            left = max(1, int(window - (now - begun) + 0.999))
            remaining = 0 if over else max(0, quota - count - 1)
        headers = {"RateLimit": '"%s";r=%d;t=%d' % (name, remaining, left),
                   "RateLimit-Policy": '"fixed window";"%s";q=%d;w=%d' % (name, quota, window)}
        return headers, left if over else 0

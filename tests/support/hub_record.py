"""What the test hub has seen: requests, bytes, tokens in wrong places; and the rate limits it keeps."""
import threading
import time

CONTENT = ("resolve", "cached", "cdn")
LOG_LIMIT = 100000


class Record:
    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        with self.lock:
            self.requests = {}
            self.bytes = {}
            self.files = {}
            self.log = []
            self.leaks = []

    def add(self, kind, repo, path, exchange):
        """Called once for each request when its answer has ended, however it ended."""
        with self.lock:
            self.requests[kind] = self.requests.get(kind, 0) + 1
            self.bytes[kind] = self.bytes.get(kind, 0) + exchange.sent
            if path and kind in CONTENT:
                file = self.files.setdefault("%s:%s" % (repo, path), {"requests": 0, "bytes": 0})
                file["requests"] += kind in ("cached", "cdn")
                file["bytes"] += exchange.sent if kind != "resolve" or exchange.status in (200, 206) else 0
            if len(self.log) < LOG_LIMIT:
                self.log.append({
                    "kind": kind, "repo": repo, "file": path, "method": exchange.method, "target": exchange.target,
                    "range": exchange.headers.get("range"), "status": exchange.status, "bytes": exchange.sent,
                    "auth": "authorization" in exchange.headers, "agent": exchange.headers.get("user-agent"),
                    "via": exchange.headers.get("via")})

    def leak(self, what, exchange):
        with self.lock:
            self.leaks.append({"where": what, "target": exchange.target,
                               "authorization": exchange.headers.get("authorization", "")[:12]})

    def summary(self):
        """requests and bytes by kind and file; `content_requests` and `content_bytes` over all files."""
        with self.lock:
            return {"requests": dict(self.requests), "bytes": dict(self.bytes),
                    "files": {k: dict(v) for k, v in self.files.items()},
                    "total_requests": sum(self.requests.values()),
                    "content_requests": sum(f["requests"] for f in self.files.values()),
                    "content_bytes": sum(f["bytes"] for f in self.files.values()),
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

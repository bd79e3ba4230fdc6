"""The CDN's origin: signed addresses that expire, and the bytes behind them."""
import hashlib
import hmac
import re
import threading
import time
from email.utils import formatdate
from urllib.parse import quote

from hub_answer import Answerer, cors
from hub_body import send_content

SECRET = b"test"
REFUSED = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


class Cdn(Answerer):
    def __init__(self, hub):
        super().__init__(hub)
        self.lock = threading.Lock()
        self.links = {}
        self.signed = 0

    def expire_links(self):
        with self.lock:
            self.links.clear()

    def sign(self, repo, entry):
        now = int(time.time())
        path = "/xet-bridge-us/%s/%s" % (repo.oid, entry.xet_hash)
        with self.lock:
            self.signed += 1
            text = "%s %d %d" % (path, now, self.signed)
            signature = hmac.new(SECRET, text.encode(), hashlib.sha256).hexdigest()
            self.links[signature] = (path, repo.id, entry, time.monotonic() + self.hub.link_seconds)
        name = quote(entry.path.split("/")[-1])
        return ("%s%s?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=%d&X-Amz-Expires=%d"
                "&response-content-disposition=inline%%3B+filename*%%3DUTF-8%%27%%27%s&X-Amz-Signature=%s&x-id=GetObject"
                % (self.hub.cdn_url, path, now, self.hub.link_seconds, name, signature))

    def on_request(self, exchange):
        if "authorization" in exchange.headers or "cookie" in exchange.headers:
            self.hub.record.leak("cdn", exchange)
        if exchange.path == "/wlan-login":
            return self.run(exchange, "portal", None, None, lambda e, f: self.portal(e, "page"))
        match = re.search(r"X-Amz-Signature=([0-9a-f]{64})", exchange.query)
        with self.lock:
            link = self.links.get(match.group(1)) if match else None
        repo_id, path = (link[1], link[2].path) if link else (None, None)
        kind = "cdn" if exchange.method == "GET" else "cdn-head"
        self.run(exchange, kind, repo_id, path, lambda e, f: self._signed(e, f, link))

    def _signed(self, exchange, faults, link):
        if link is None or link[0] != exchange.raw_path or link[3] < time.monotonic() or "expire" in faults:
            return self.text(exchange, 403, {"Content-Type": "application/xml"}, REFUSED)
        entry = link[2]
        headers = {"Content-Type": "application/octet-stream", "ETag": '"%s"' % entry.xet_hash,
                   "Accept-Ranges": "bytes", "Last-Modified": formatdate(1767225600, usegmt=True),
                   "X-Cache": "Miss from cloudfront", "Cache-Control": "public, max-age=31536000",
                   "Content-Disposition": "inline; filename*=UTF-8''%s" % quote(entry.path.split("/")[-1]), **cors(exchange)}
        send_content(exchange, entry.source, headers, faults)

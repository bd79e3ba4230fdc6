"""What both origins of the test hub do with a request: count it, let it fail as told, or answer."""
import json
from urllib.parse import quote

from hub_body import finish
from hub_http import text_segments

LOGIN_PAGE = "<!doctype html><html><head><title>Welcome to the WLAN</title></head><body>Please log in.</body></html>\n"
EXPOSED = ("X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,"
           "X-Xet-Hash")


def cors(exchange):
    """What lets a page of any site read the answer."""
    return {"Access-Control-Allow-Origin": exchange.headers.get("origin", "https://huggingface.co"), "Vary": "Origin, Accept",
            "Access-Control-Expose-Headers": EXPOSED}


class Answerer:
    def __init__(self, hub):
        self.hub = hub

    def run(self, exchange, kind, repo_id, path, act):
        faults = self.hub.faults.pick(kind, repo_id, path)
        self.hub.record.begin(kind, repo_id, path, exchange)
        try:
            if not self.fail_early(exchange, faults):
                act(exchange, faults)
        finally:
            if "expire-after" in faults:
                self.hub.expire_links()
            self.hub.record.end(exchange)

    def fail_early(self, exchange, faults):
        if "hang" in faults:
            exchange.hang(faults["hang"].get("seconds"))
        if "reset" in faults:
            exchange.reset()
        if "close" in faults:
            exchange.close()
        if "status" in faults:
            fault = faults["status"]
            text = fault.get("body", "%d: the test hub was told to say so\n" % fault.code)
            self.text(exchange, fault.code, {"Content-Type": "text/plain", **fault.get("headers", {})}, text)
        elif "busy" in faults:
            self.busy(exchange, faults["busy"])
        elif "portal" in faults:
            self.portal(exchange, faults["portal"].get("mode", "redirect"))
        else:
            return False
        return True

    def busy(self, exchange, fault):
        seconds = fault.get("seconds", 1)
        form = fault.get("form", "retry-after")
        headers = {"Content-Type": "application/json"}
        if form in ("retry-after", "both"):
            headers["Retry-After"] = str(seconds)
        if form in ("ratelimit", "both"):
            headers["RateLimit"] = '"resolvers";r=0;t=%d' % seconds
            headers["RateLimit-Policy"] = '"fixed window";"resolvers";q=3000;w=300'
        self.text(exchange, fault.get("code", 429), headers, json.dumps({"error": "Too many requests"}))

    def portal(self, exchange, mode):
        if mode == "redirect":
            login = self.hub.cdn_url + "/wlan-login?from=" + quote(exchange.target, safe="")
            self.text(exchange, 302, {"Location": login, "Content-Type": "text/html"}, LOGIN_PAGE)
        else:
            self.text(exchange, 200, {"Content-Type": "text/html; charset=utf-8"}, LOGIN_PAGE)

    def text(self, exchange, status, headers, text):
        finish(exchange, status, dict(headers), text_segments(text), {})

    def error(self, exchange, status, code, message, extra=None):
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Request-Id": "Root=1-test", **cors(exchange),
                   "X-Error-Message": message, **(extra or {})}
        if code:
            headers["X-Error-Code"] = code
        self.text(exchange, status, headers, json.dumps({"error": message}))

#!/usr/bin/env python3
"""browser.py CHROMIUM PORT PAGE NAME=FOLDER...: shows http://localhost:PORT/PAGE in Chromium, until the page has said what it found.

/NAME/PATH is a file of the folder with that name. What the page posts to /done is printed; then all ends.
"""
import http.server
import os
import subprocess
import sys
import tempfile
import threading
from urllib.parse import unquote

TYPES = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, kind="text/plain", body=b""):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        name, _, path = unquote(self.path.split("?")[0]).strip("/").partition("/")
        place = os.path.join(self.server.folders.get(name, "/nowhere"), path)
        if not os.path.isfile(place):
            return self.answer(404)
        with open(place, "rb") as file:
            self.answer(200, TYPES.get(os.path.splitext(place)[1], "application/octet-stream"), file.read())

    def do_POST(self):
        self.server.told = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.answer(204)
        self.server.done.set()

    def log_message(self, *_):
        pass


def main(chromium, port, page, *folders):
    with http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Page) as server, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        server.folders, server.done = dict(folder.split("=", 1) for folder in folders), threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = subprocess.Popen([chromium, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + profile, "http://localhost:%s/%s" % (port, page)],
                                   stdin=subprocess.DEVNULL)
        while not server.done.wait(0.2):
            if browser.poll() is not None:
                sys.exit("Chromium ended with %d" % browser.returncode)
        browser.kill()
        browser.wait()
        print(server.told)


if __name__ == "__main__":
    main(*sys.argv[1:])

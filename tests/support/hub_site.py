"""The hub's own origin: which request is for what, who may have it, and the answers."""
import base64
import hashlib
import json
import re
from urllib.parse import quote

import hub_api
from hub_answer import Answerer, cors
from hub_body import change_headers, finish, send_content
from hub_http import text_segments
from hub_repo import Repo, Repos

GATED = ("Access to model %s is restricted. You must have access to it and be authenticated to access it. "
         "Please log in.")


class Site(Answerer):
    def __init__(self, hub):
        super().__init__(hub)
        self.repos = hub.repos

    def on_request(self, exchange):
        if exchange.path == "/_control":
            return self.hub.on_control(exchange)
        kind, repo_id, path, act = self._route(exchange)
        self.run(exchange, kind, repo_id, path, act)

    def _json(self, exchange, value, headers, faults):
        text = json.dumps(value, separators=(",", ":"))
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Request-Id": "Root=1-test", **cors(exchange), **headers}
        headers["ETag"] = 'W/"%x-%s"' % (len(text), hashlib.sha1(text.encode()).hexdigest()[:27])
        finish(exchange, 200, headers, text_segments(text), faults)

    def _route(self, exchange):
        """(kind, repository id, file path, handler) of a request to the hub."""
        method = exchange.method
        raw = exchange.raw_path
        if method not in ("GET", "HEAD", "POST"):
            return "other", None, None, self._no_such_page
        if raw.startswith("/api/resolve-cache/"):
            found = Repos.parse_api("/api/" + re.sub(r"^(\w+/(?:[^/]+/)?[^/]+)/([0-9a-f]{40}/.*)$", r"\1/tree/\2",
                                                    raw[len("/api/resolve-cache/"):]))
            if found:
                type, name, _, revision, path = found
                return ("cached" if method == "GET" else "cached-head", Repo(name, type).id, path,
                        lambda e, f: self._in_repo(e, f, type, name, revision, "resolvers", self._cached, path))
        found = Repos.parse_file(raw)
        if found and method != "POST":
            type, name, verb, revision, path = found
            act = self._resolve if verb == "resolve" else self._raw
            kind = "head" if (verb, method) == ("resolve", "HEAD") else verb + ("-head" if method == "HEAD" else "")
            return (kind, Repo(name, type).id, path,
                    lambda e, f: self._in_repo(e, f, type, name, revision, "resolvers", act, path))
        found = Repos.parse_lfs(raw)
        if found and method == "POST":
            type, name = found
            return ("lfs", Repo(name, type).id, None,
                    lambda e, f: self._in_repo(e, f, type, name, "main", "resolvers", self._lfs_batch, None))
        if raw == "/api/whoami-v2":
            return "whoami", None, None, self._whoami
        found = Repos.parse_api(raw)
        if found:
            type, name, verb, revision, path = found
            acts = {"": self._info, "revision": self._info, "tree": self._tree, "paths-info": self._paths_info,
                    "refs": self._refs}
            kind = {"": "info", "revision": "info", "xet-read-token": "xet"}.get(verb, verb)
            if verb in acts:
                return (kind, Repo(name, type).id, path,
                        lambda e, f: self._in_repo(e, f, type, name, revision or "main", "api", acts[verb], path))
            return kind, Repo(name, type).id, path, self._no_such_page
        return "other", None, None, self._no_such_page

    def _no_such_page(self, exchange, faults):
        self.error(exchange, 404, None, "Sorry, we can't find the page you are looking for.")

    def _whoami(self, exchange, faults):
        user = self._user(exchange)
        if not user:
            return self.error(exchange, 401, None, "Invalid username or password.")
        self._json(exchange, {"type": "user", "name": user}, {}, faults)

    def _user(self, exchange):
        """The user of the token; None without a token; False for a token that nobody has."""
        value = exchange.headers.get("authorization")
        if value is None:
            return None
        if value.startswith("Basic "):  # as git sends it
            value = base64.b64decode(value[6:]).decode().partition(":")[2]
        return self.hub.tokens.get(value.removeprefix("Bearer ").strip(), False)

    def _in_repo(self, exchange, faults, type, name, revision, quota, act, path):
        limits, wait = self.hub.quotas.take(quota)
        if wait:
            return self.error(exchange, 429, None, "We had to rate limit you", {**limits, "Retry-After": str(wait)})
        user = self._user(exchange)
        if user is False:
            return self.error(exchange, 401, None, "Invalid credentials in Authorization header", limits)
        repo = self.repos.get(type, name)
        if repo is None:
            return self._no_repo(exchange, type, name, user, limits)
        if repo.private and user not in repo.readers:
            return self._missing(exchange, user, limits)
        api = quota == "api"
        if repo.gated and user not in repo.readers and not (api and repo.info_public):
            message = GATED % repo.name
            return self.error(exchange, 403 if user else 401, "GatedRepo", message, limits)
        commit = repo.find(revision)
        if commit is None:
            return self.error(exchange, 404, "RevisionNotFound", "Invalid rev id: %s" % revision, limits)
        act(exchange, faults, repo, commit, path, limits)

    def _no_repo(self, exchange, type, name, user, limits):
        new_name = self.repos.new_name(type, name)
        if new_name is None:
            return self._missing(exchange, user, limits)
        target = exchange.target.replace("/" + name, "/" + new_name, 1)
        self.text(exchange, 307, {"Location": target, "Content-Type": "text/plain; charset=utf-8", **cors(exchange), **limits},
                   "Temporary Redirect. Redirecting to " + target)

    def _missing(self, exchange, user, limits):
        """Missing and private look the same to a stranger, and carry no X-Error-Code."""
        if user:
            return self.error(exchange, 404, "RepoNotFound", "Repository not found", limits)
        self.error(exchange, 401, None, "Invalid username or password.", limits)

    def _entry(self, exchange, commit, path, limits):
        entry = commit.files.get(path)
        if entry is None:
            self.error(exchange, 404, "EntryNotFound", "Entry not found",
                        {"X-Repo-Commit": commit.sha, **limits})
        return entry

    def _resolve(self, exchange, faults, repo, commit, path, limits):
        entry = self._entry(exchange, commit, path, limits)
        if entry is None:
            return
        if exchange.headers.get("if-none-match", "").strip() == '"%s"' % entry.etag:
            return exchange.answer(304, [("ETag", '"%s"' % entry.etag), ("X-Repo-Commit", commit.sha)])
        headers = {"Content-Type": "text/plain; charset=utf-8", "X-Repo-Commit": commit.sha,
                   "Accept-Ranges": "bytes", "X-Request-Id": "Root=1-test", **cors(exchange), **limits}
        if entry.lfs:
            status, word = 302, "Found"
            headers["Location"] = self.hub.cdn_site.sign(repo, entry)
            headers["X-Linked-Size"] = str(entry.size)
            headers["X-Linked-ETag"] = '"%s"' % entry.sha256
            headers["X-Xet-Hash"] = entry.xet_hash
            headers["Link"] = ('<%s/api/%s/%s/xet-read-token/%s>; rel="xet-auth", '
                               '<%s/v1/reconstructions/%s>; rel="xet-reconstruction-info"' % (
                                   self.hub.url, repo.type, repo.name, commit.sha, self.hub.cdn_url, entry.xet_hash))
        else:
            status, word = 307, "Temporary Redirect"
            headers["Location"] = "/api/resolve-cache/%s/%s/%s/%s?%s=&etag=%%22%s%%22" % (
                repo.type, repo.name, commit.sha, quote(path), quote(exchange.raw_path, safe=""), entry.oid)
        change_headers(headers, faults)
        self.text(exchange, status, headers, "%s. Redirecting to %s" % (word, headers.get("Location", "")))

    def _cached(self, exchange, faults, repo, commit, path, limits):
        entry = self._entry(exchange, commit, path, limits)
        if entry is None:
            return
        headers = {"Content-Type": "text/plain; charset=utf-8", "X-Repo-Commit": commit.sha,
                   "ETag": '"%s"' % entry.oid, "Accept-Ranges": "bytes",
                   "Content-Disposition": "inline; filename*=UTF-8''%s" % quote(path.split("/")[-1]), **cors(exchange), **limits}
        send_content(exchange, entry.source, headers, faults, allow_gzip=True)

    def _raw(self, exchange, faults, repo, commit, path, limits):
        entry = self._entry(exchange, commit, path, limits)
        if entry is None:
            return
        headers = {"Content-Type": "text/plain; charset=utf-8", "X-Repo-Commit": commit.sha,
                   "ETag": '"%s"' % entry.oid, **cors(exchange), **limits}
        send_content(exchange, entry.pointer if entry.lfs else entry.source, headers, faults, allow_gzip=True)

    def _info(self, exchange, faults, repo, commit, path, limits):
        self._json(exchange, hub_api.repo_info(repo, commit, exchange.query), limits, faults)

    def _tree(self, exchange, faults, repo, commit, path, limits):
        url = self.hub.url + exchange.raw_path
        items, following = hub_api.tree_page(commit, path, exchange.query, self.hub.page_size, url)
        if items is None:
            return self.error(exchange, 404, "EntryNotFound", "%s does not exist on this revision" % path, limits)
        headers = {"X-Repo-Commit": commit.sha, **limits}
        if following:
            headers["Link"] = '<%s>; rel="next"' % following
        self._json(exchange, items, headers, faults)

    def _paths_info(self, exchange, faults, repo, commit, path, limits):
        items = hub_api.paths_info(commit, exchange.headers, exchange.body)
        if items is None:
            return self.error(exchange, 413, None, "Too many paths", limits)
        self._json(exchange, items, {"X-Repo-Commit": commit.sha, **limits}, faults)

    def _lfs_batch(self, exchange, faults, repo, commit, path, limits):
        if "application/vnd.git-lfs+json" not in exchange.headers.get("content-type", ""):
            return self.error(exchange, 422, None, "This is no question of git-lfs", limits)
        answer = hub_api.lfs_batch(repo, exchange.body, lambda entry: self.hub.cdn_site.sign(repo, entry))
        if answer is None:
            return self.error(exchange, 403, None, "Nothing can be uploaded here", limits)
        self._json(exchange, answer, {"Content-Type": "application/vnd.git-lfs+json", **limits}, faults)

    def _refs(self, exchange, faults, repo, commit, path, limits):
        self._json(exchange, repo.ref_lists(), limits, faults)

"""Repositories of the test hub: files, commits, branches, tags, who may read, and how paths name them."""
import fnmatch
import hashlib
import os
import re
import threading
from urllib.parse import unquote

from hub_content import BytesSource, make_source

TYPES = ("models", "datasets", "spaces")
LFS_NAMES = ("*.safetensors", "*.bin", "*.onnx", "*.gguf", "*.pt", "*.pth", "*.h5", "*.msgpack", "*.parquet",
             "*.tflite", "*.zip", "*.npz")
LFS_SIZE = 10 * 1024 * 1024
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n"


class Entry:
    """One file of a commit."""

    def __init__(self, path, source, lfs=None):
        self.path = path
        self.source = source
        if lfs is None:
            name = os.path.basename(path)
            lfs = source.size > LFS_SIZE or any(fnmatch.fnmatch(name, p) for p in LFS_NAMES)
        self.lfs = lfs

    @property
    def size(self):
        return self.source.size

    @property
    def sha256(self):
        return self.source.sha256()

    @property
    def pointer(self):
        return BytesSource((POINTER % (self.sha256, self.size)).encode())

    @property
    def oid(self):
        """The git blob id: of the pointer for an LFS file."""
        return (self.pointer if self.lfs else self.source).git_sha1()

    @property
    def etag(self):
        return self.sha256 if self.lfs else self.oid

    @property
    def xet_hash(self):
        """64 hex digits that are not the SHA-256, as the hub's CDN shows them in its own ETag."""
        return hashlib.sha256(b"xet" + self.sha256.encode()).hexdigest()


class Commit:
    def __init__(self, sha, title, files, number):
        self.sha = sha
        self.title = title
        self.files = files
        self.date = "2026-01-%02dT00:00:00.000Z" % (1 + number % 28)


class Repo:
    """`readers`: token names that may read a private or gated repository."""

    def __init__(self, name, type="models"):
        if type not in TYPES:
            raise ValueError("a repository is one of %s" % (TYPES,))
        self.name = name
        self.type = type
        self.private = False
        self.gated = False
        self.info_public = True
        self.readers = set()
        self.refs = {}
        self.commits = {}

    @property
    def prefix(self):
        return "" if self.type == "models" else self.type + "/"

    @property
    def id(self):
        return self.prefix + self.name

    @property
    def oid(self):
        return hashlib.sha1(self.id.encode()).hexdigest()[:24]

    def commit(self, files, branch="main", title="update", delete=(), lfs=None):
        """Adds a commit with `files` ({path: what make_source takes, or Entry}) over the branch's; returns its id."""
        parent = self.commits.get(self.refs.get(branch))
        tree = dict(parent.files) if parent else {}
        for path in delete:
            tree.pop(path)
        for path, what in files.items():
            entry = what if isinstance(what, Entry) else Entry(path, make_source(what), lfs)
            tree[path] = entry
        hasher = hashlib.sha1(("%s %s %d" % (self.id, parent.sha if parent else "", len(self.commits))).encode())
        for path in sorted(tree):
            hasher.update(("%s %d %s\n" % (path, tree[path].size, type(tree[path].source).__name__)).encode())
        sha = hasher.hexdigest()
        self.commits[sha] = Commit(sha, title, dict(sorted(tree.items())), len(self.commits))
        self.refs[branch] = sha
        return sha

    def commit_folder(self, folder, branch="main"):
        files = {}
        for parent, names, leaves in os.walk(folder):
            names[:] = sorted(n for n in names if n != ".git")
            for leaf in sorted(leaves):
                full = os.path.join(parent, leaf)
                files[os.path.relpath(full, folder)] = make_source(_Path(full))
        return self.commit(files, branch)

    def tag(self, name, revision="main"):
        self.refs["refs/tags/" + name] = self.find(revision).sha

    def find(self, revision):
        """The commit a branch, tag, full ref or commit id names; None if there is none."""
        for name in (revision, "refs/tags/" + revision, revision.removeprefix("refs/heads/")):
            if name in self.refs:
                return self.commits[self.refs[name]]
        return self.commits.get(revision)

    def ref_lists(self):
        lists = {"branches": [], "converts": [], "tags": [], "pullRequests": []}
        for name, sha in self.refs.items():
            kind = "branches"
            for start, other in (("refs/tags/", "tags"), ("refs/convert/", "converts"), ("refs/pr/", "pullRequests")):
                if name.startswith(start):
                    kind = other
            short = name.split("/")[-1] if kind in ("tags", "converts") else name
            ref = name if name.startswith("refs/") else "refs/heads/" + name
            lists[kind].append({"name": short, "ref": ref, "targetCommit": sha})
        return lists


class _Path(os.PathLike):
    """A path given to make_source, which takes plain strings for text."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


class Repos:
    """All repositories by type and name, with old names that redirect."""

    FILE = re.compile(r"^/(?:(datasets|spaces)/)?([^/]+(?:/[^/]+)?)/(resolve|raw)/(.+)$")
    API = re.compile(r"^/api/(models|datasets|spaces)/([^?]+)$")
    LFS = re.compile(r"^/(?:(datasets|spaces)/)?([^/]+(?:/[^/]+)?)\.git/info/lfs/objects/batch$")
    VERBS = ("revision", "tree", "paths-info", "refs", "xet-read-token", "commits")
    LONG_REF = re.compile(r"^(refs(?:%2F|/)(?:pr|convert|heads|tags)(?:%2F|/)[^/]+)(?:/(.*))?$")

    def __init__(self):
        self.by_id = {}
        self.renamed = {}
        self.lock = threading.RLock()

    def add(self, name, files=None, type="models", folder=None):
        """`name` may carry the type as a prefix: datasets/ORG/NAME."""
        for kind in ("datasets", "spaces"):
            if name.startswith(kind + "/"):
                type, name = kind, name[len(kind) + 1:]
        repo = Repo(name, type)
        if folder is not None:
            repo.commit_folder(folder)
        if files is not None:
            repo.commit(files)
        with self.lock:
            self.by_id[repo.id] = repo
        return repo

    def get(self, type, name):
        with self.lock:
            return self.by_id.get(("" if type == "models" else type + "/") + name)

    def rename(self, repo, new_name):
        with self.lock:
            del self.by_id[repo.id]
            self.renamed[repo.id] = new_name
            repo.name = new_name
            self.by_id[repo.id] = repo

    def new_name(self, type, name):
        """The present name of a renamed repository, or of one whose name was given in the wrong case."""
        wanted = ("" if type == "models" else type + "/") + name
        with self.lock:
            if wanted in self.renamed:
                return self.renamed[wanted]
            for repo in self.by_id.values():
                if repo.id.lower() == wanted.lower() and repo.id != wanted:
                    return repo.name
        return None

    @classmethod
    def split_revision(cls, rest):
        """`rest` is still percent-encoded: REV[/PATH], where REV may be refs/pr/1 with or without %2F."""
        match = cls.LONG_REF.match(rest)
        revision, path = match.groups() if match else (rest.split("/", 1) + [None])[:2]
        return unquote(revision), unquote(path or "")

    @classmethod
    def parse_file(cls, path):
        """(type, name, "resolve" or "raw", revision, path) of a request path, or None."""
        match = cls.FILE.match(path)
        if not match:
            return None
        type, name, verb, rest = match.groups()
        revision, file = cls.split_revision(rest)
        return (type or "models", unquote(name), verb, revision, file) if file else None

    @classmethod
    def parse_lfs(cls, path):
        """(type, name) of a request path of git-lfs, or None."""
        match = cls.LFS.match(path)
        return (match.group(1) or "models", unquote(match.group(2))) if match else None

    @classmethod
    def parse_api(cls, path):
        """(type, name, verb or "", revision, path) of a request path under /api/TYPE/, or None."""
        match = cls.API.match(path)
        if not match:
            return None
        parts = match.group(2).split("/")
        words = 1 if len(parts) == 1 or parts[1] in cls.VERBS else 2
        verb = parts[words] if len(parts) > words else ""
        revision, file = cls.split_revision("/".join(parts[words + 1:])) if len(parts) > words + 1 else ("", "")
        return match.group(1), unquote("/".join(parts[:words])), verb, revision, file

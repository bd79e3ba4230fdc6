"""The JSON that the test hub answers under /api: repository info, tree, paths-info, refs, who am I, and what git-lfs asks."""
import base64
import json
from urllib.parse import parse_qs, parse_qsl, urlencode


def blob_fields(entry):
    fields = {"type": "file", "oid": entry.oid, "size": entry.size}
    if entry.lfs:
        fields["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": entry.pointer.size}
        fields["xetHash"] = entry.xet_hash
    fields["path"] = entry.path
    return fields


def repo_info(repo, commit, query):
    options = parse_qs(query)
    siblings = []
    for entry in commit.files.values():
        item = {"rfilename": entry.path}
        if options.get("blobs", [""])[0].lower() in ("true", "1"):
            item.update(size=entry.size, blobId=entry.oid)
            if entry.lfs:
                item["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": entry.pointer.size}
        siblings.append(item)
    info = {"_id": repo.oid, "id": repo.name, "author": repo.name.split("/")[0], "sha": commit.sha,
            "lastModified": commit.date, "private": repo.private, "gated": repo.gated, "disabled": False,
            "downloads": 1, "likes": 0, "tags": [], "createdAt": "2026-01-01T00:00:00.000Z", "siblings": siblings}
    if repo.type == "models":
        info["modelId"] = repo.name
    return info


def folders(paths):
    found = set()
    for path in paths:
        parts = path.split("/")[:-1]
        found.update("/".join(parts[:n]) for n in range(1, len(parts) + 1))
    return found


def tree_items(commit, folder, recursive):
    """Everything in a folder of a commit in the hub's order; None when there is no such folder."""
    start = folder.rstrip("/") + "/" if folder else ""
    below = {p: e for p, e in commit.files.items() if p.startswith(start)}
    if not below and start:
        return None
    items = []
    for path in sorted(list(below) + [f for f in folders(below) if f.startswith(start) and f + "/" != start]):
        if not recursive and "/" in path[len(start):]:
            continue
        if path in below:
            items.append(blob_fields(below[path]))
        else:
            items.append({"type": "directory", "oid": "0" * 40, "size": 0, "path": path})
    return items


def tree_page(commit, folder, query, page_size, url):
    """(items of this page, address of the next one or None); items None when there is no such folder."""
    options = dict(parse_qsl(query))
    items = tree_items(commit, folder, options.get("recursive", "").lower() in ("true", "1"))
    if items is None:
        return None, None
    begin = int(base64.urlsafe_b64decode(options["cursor"])) if "cursor" in options else 0
    end = begin + min(page_size, int(options.get("limit", page_size)))
    following = None
    if end < len(items):
        options["cursor"] = base64.urlsafe_b64encode(b"%d" % end).decode()
        following = url + "?" + urlencode(options)
    items = items[begin:end]
    if options.get("expand", "").lower() in ("true", "1"):
        for item in items:
            item["lastCommit"] = {"id": commit.sha, "title": commit.title, "date": commit.date}
    return items, following


def paths_info(commit, headers, body):
    """Takes the form of the Python client and the JSON of the JavaScript one."""
    if "json" in headers.get("content-type", ""):
        asked = json.loads(body)
        paths, expand = asked.get("paths", []), bool(asked.get("expand"))
    else:
        form = parse_qs(body.decode())
        paths, expand = form.get("paths", []), form.get("expand", ["false"])[0].lower() == "true"
    if isinstance(paths, str):
        paths = [paths]
    if len(paths) > 1000:
        return None
    dirs = folders(commit.files)
    items = []
    for path in paths:
        if path in commit.files:
            items.append(blob_fields(commit.files[path]))
        elif path in dirs:
            items.append({"type": "directory", "oid": "0" * 40, "size": 0, "path": path})
    if expand:
        for item in items:
            item["lastCommit"] = {"id": commit.sha, "title": commit.title, "date": commit.date}
    return items


def lfs_batch(repo, body, sign):
    """Where objects of any commit are; None for an upload."""
    asked = json.loads(body)
    if asked["operation"] != "download":
        return None
    entries = {entry.sha256: entry for commit in repo.commits.values() for entry in commit.files.values() if entry.lfs}
    objects = []
    for item in asked["objects"]:
        entry = entries.get(item["oid"])
        if entry is None:
            objects.append({**item, "error": {"code": 404, "message": "Object does not exist"}})
        else:
            download = {"href": sign(entry), "expires_in": 3600}
            objects.append({**item, "authenticated": True, "actions": {"download": download}})
    return {"transfer": "basic", "hash_algo": "sha256", "objects": objects}

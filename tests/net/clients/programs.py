"""The real clients. Each function has a Client fetch all FILES of REPO, and returns the folder in which they then lie by their names."""
import os
import sys
from urllib.parse import quote

from machines import MIB, SUPPORT
from scene import BIG, FILES, REPO

sys.path.insert(0, SUPPORT)

from clients import RELEASES, modules_with, node_program, python_with, rust_program  # noqa: E402


def url_of(client, path):
    return "%s/%s/resolve/main/%s" % (client.gateway, REPO, quote(path))


def place_for(client, path):
    place = os.path.join(client.folder, path)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    return place


# --- curl and aria2

def curl(client, hub):
    _curl_all(client, FILES)
    return client.folder


def _curl_all(client, paths):
    for path in paths:
        client.run("curl", "-sSfL", "-o", place_for(client, path), url_of(client, path))


def curl_ranges(client, hub):
    """The big file in four pieces, at first the third one."""
    place, piece = place_for(client, BIG), FILES[BIG] // 4
    for n in (2, 0, 3, 1):
        last = "" if n == 3 else (n + 1) * piece - 1
        client.run("curl", "-sSfL", "-r", "%d-%s" % (n * piece, last), "-o", "%s.%d" % (place, n), url_of(client, BIG))
    with open(place, "wb") as whole:
        for n in range(4):
            with open("%s.%d" % (place, n), "rb") as part:
                whole.write(part.read())
    _curl_all(client, FILES.keys() - {BIG})
    return client.folder


def curl_resumed(client, hub):
    """The big file is there up to its middle."""
    place = place_for(client, BIG)
    with open(hub.path(REPO, BIG), "rb") as genuine, open(place, "wb") as begun:
        begun.write(genuine.read(FILES[BIG] // 2))
    client.run("curl", "-sSfL", "-C", "-", "-o", place, url_of(client, BIG))
    _curl_all(client, FILES.keys() - {BIG})
    return client.folder


def aria2(client, hub):
    """Sixteen connections for the big file."""
    for path in FILES:
        client.run("aria2c", "-q", "-x16", "-s16", "-k1M", "-d", client.folder, "-o", path, url_of(client, path))
    return client.folder


# --- huggingface_hub

def _command(client, release, code):
    """Runs this code, in which `folder` is where files go; it says in the end where they are."""
    return [python_with(release), "-c", "import json\nrepo, folder, paths = %r, %r, %r\n%s" % (REPO, client.folder, list(FILES), code)]


def _python(release, code):
    return lambda client, hub: client.json(*_command(client, release, code))


HUB_DOWNLOAD = """
import os
from huggingface_hub import hf_hub_download
places = {path: hf_hub_download(repo, path) for path in paths}
print(json.dumps(os.path.dirname(places["config.json"])))
"""
SNAPSHOT = """
from huggingface_hub import snapshot_download
print(json.dumps(snapshot_download(repo)))
"""
FILE_SYSTEM = """
from huggingface_hub import HfFileSystem
HfFileSystem().get(repo + "/", folder, recursive=True)
print(json.dumps(folder))
"""
# What there is, in all ways of asking; then one by one, into a folder and not the cache.
API = """
from huggingface_hub import HfApi
api = HfApi()
info = api.model_info(repo, files_metadata=True)
tree = [item for item in api.list_repo_tree(repo, recursive=True) if hasattr(item, "size")]
some = api.get_paths_info(repo, paths)
assert {item.rfilename: item.size for item in info.siblings} == {item.path: item.size for item in tree} == {item.path: item.size for item in some}
assert {item.path: item.lfs and item.lfs.sha256 for item in tree} == {item.rfilename: item.lfs and item.lfs.sha256 for item in info.siblings}
for path in api.list_repo_files(repo):
    assert api.file_exists(repo, path)
    api.hf_hub_download(repo, path, local_dir=folder)
print(json.dumps(folder))
"""


def _hf_command(release):
    def run(client, hub):
        hf = os.path.join(os.path.dirname(python_with(release)), "hf")
        client.run(hf, "download", REPO, "--local-dir", client.folder)
        return client.folder
    return run


def _of_release(release):
    codes = {"hf_hub_download": HUB_DOWNLOAD, "snapshot_download": SNAPSHOT, "HfFileSystem": FILE_SYSTEM, "HfApi": API}
    return {**{"%s %s" % (release, name): _python(release, code) for name, code in codes.items()}, release + " hf": _hf_command(release)}


def larder_run(client, hub):
    """The program is not told of the gateway, `larder run` tells it."""
    del client.env["HF_ENDPOINT"]
    larder = client.node.build("cli/larder")
    return client.json(larder, "run", "--", *_command(client, RELEASES[0], SNAPSHOT), LARDER_HOME=client.node.home, LARDER_HUB=hub.url)


# --- @huggingface/hub

JAVASCRIPT = """
console.debug = console.error
const {snapshotDownload} = require("@huggingface/hub")
snapshotDownload({repo: process.argv[1], hubUrl: process.env.HF_ENDPOINT}).then(folder => console.log(JSON.stringify(folder)))
"""


def javascript(client, hub):
    """It asks for the first byte of each file, to learn the size."""
    return client.json(node_program(), "-e", JAVASCRIPT, REPO, NODE_PATH=modules_with("@huggingface/hub"))


# --- hf-hub

def _rust(way):
    """It asks for the first byte of each file, to learn the size."""
    return lambda client, hub: client.json(rust_program(), way, REPO, HF_HOME=client.home)


PROGRAMS = {"curl": curl, "curl ranges": curl_ranges, "curl resumed": curl_resumed, "aria2": aria2,
            "larder run": larder_run, "javascript @huggingface/hub": javascript,
            "rust hf-hub": _rust("files"), "rust hf-hub pieces": _rust("pieces")}
for _release in RELEASES:
    PROGRAMS.update(_of_release(_release))

# What may come from the hub besides where no other node has it: parts of a file that are asked for before more than a fourth of it was.
BESIDES = {"curl ranges": FILES[BIG] // 4, "javascript @huggingface/hub": len(FILES), "rust hf-hub": len(FILES), "rust hf-hub pieces": len(FILES) + FILES[BIG] // 4}
FEW = ("curl ranges", "javascript @huggingface/hub", *(release + " snapshot_download" for release in (RELEASES[0], RELEASES[-1])))

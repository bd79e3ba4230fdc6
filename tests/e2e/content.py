"""Repositories that the tests use, and whether what was fetched is the same."""
import os
import stat

MIB = 1 << 20
WEIGHTS = 5 * MIB + 77
FILES = {
    "config.json": b'{"model_type": "test"}\n' * 40,
    "README.md": "# A model, naïve and small\n" * 30,
    "empty.txt": b"",
    "tokenizer/vocab.txt": "\n".join(str(n) for n in range(3000)),
    "a name with spaces.txt": "spaces\n",
    "model.safetensors": (WEIGHTS, "weights"),
    "onnx/model.onnx": (MIB, "onnx"),
}


def fill_model(hub, name="org/model"):
    return hub.add(name, FILES)


def files_of(repo, revision="main"):
    return repo.find(revision).files


def same(entry, path):
    """Whether the file at `path` holds exactly what the hub's entry holds; reads in pieces, so any size is fine."""
    if os.path.getsize(path) != entry.size:
        return False
    with open(path, "rb") as file:
        offset = 0
        while True:
            piece = file.read(4 * MIB)
            if not piece:
                return True
            if piece != entry.source.read(offset, len(piece)):
                return False
            offset += len(piece)


def listed(folder):
    """Paths of all files below a folder, relative; what starts with a dot at the top is not the repository's."""
    found = set()
    for parent, names, leaves in os.walk(folder):
        for leaf in leaves:
            found.add(os.path.relpath(os.path.join(parent, leaf), folder))
    return found


def assert_holds(folder, repo, paths=None, revision="main"):
    """The folder has these files of the repository (default: all), right, and no others."""
    files = files_of(repo, revision)
    wanted = set(files if paths is None else paths)
    assert listed(folder) == wanted
    for path in wanted:
        assert same(files[path], os.path.join(folder, path)), path


def is_plain_file(path):
    return stat.S_ISREG(os.lstat(path).st_mode)

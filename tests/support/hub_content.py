"""What the test hub's files are made of: bytes, files on disk, or generated content of any size.

Each source has a size, `read(offset, length)`, `send(sock, offset, length)` (which uses sendfile where it can, and
returns the bytes given to the socket) and `sha256()` / `git_sha1()`. Generated content is never held in memory and
is the same in every run for the same seed and size.
"""
import fcntl
import hashlib
import json
import os
import random
import struct
import tempfile
import threading
import zlib

# Not a multiple of 1 MiB, so that no two chunks of a file are alike although the block repeats.
BLOCK_SIZE = 61 * 1024 * 1024 + 12345
PIECE = 1024 * 1024
SENDFILE_PIECE = 8 * 1024 * 1024


def cache_dir():
    """A folder of this user that keeps the generated block and known digests from one run to the next."""
    path = os.path.join(tempfile.gettempdir(), "larder-test-hub-%d" % os.getuid())
    os.makedirs(path, mode=0o700, exist_ok=True)
    if os.stat(path).st_uid != os.getuid():
        raise RuntimeError("%s belongs to somebody else" % path)
    return path


def write_whole(path, data):
    """Writes beside and renames, since several hubs may start at once."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.rename(temporary, path)


class Block:
    """The file of pseudo-random bytes that all generated content is cut from."""

    _lock = threading.Lock()
    _fd = None

    @classmethod
    def fd(cls):
        with cls._lock:
            if cls._fd is None:
                path = os.path.join(cache_dir(), "block-1")
                if not os.path.exists(path) or os.path.getsize(path) != BLOCK_SIZE:
                    write_whole(path, random.Random("larder").randbytes(BLOCK_SIZE))
                cls._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            return cls._fd


class KnownDigests:
    """Digests of generated content, kept in a file: hashing 4 GiB takes seconds."""

    _lock = threading.Lock()

    @classmethod
    def get(cls, key, compute):
        with cls._lock:
            path = os.path.join(cache_dir(), "digests.json")
            with open(path + ".lock", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                try:
                    with open(path) as file:
                        known = json.load(file)
                except (OSError, ValueError):
                    known = {}
                if key not in known:
                    known[key] = compute()
                    write_whole(path, json.dumps(known).encode())
                return known[key]


class Source:
    size = 0

    def read(self, offset, length):
        raise NotImplementedError

    def send(self, sock, offset, length):
        """Sends up to `length` bytes; one call may send less. Returns how many."""
        return sock.send(self.read(offset, min(length, PIECE)))

    def hashed(self, hasher):
        offset = 0
        while offset < self.size:
            piece = self.read(offset, min(PIECE, self.size - offset))
            hasher.update(piece)
            offset += len(piece)
        return hasher.hexdigest()

    def sha256(self):
        if not hasattr(self, "_sha256"):
            self._sha256 = self.hashed(hashlib.sha256())
        return self._sha256

    def git_sha1(self):
        if not hasattr(self, "_git_sha1"):
            self._git_sha1 = self.hashed(hashlib.sha1(b"blob %d\0" % self.size))
        return self._git_sha1


class BytesSource(Source):
    def __init__(self, data):
        self.data = bytes(data)
        self.size = len(self.data)

    def read(self, offset, length):
        return self.data[offset:offset + length]

    def send(self, sock, offset, length):
        return sock.send(memoryview(self.data)[offset:offset + length])


class FileSource(Source):
    """A file on disk, which must not change while the hub runs."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self.fd).st_size

    def read(self, offset, length):
        return os.pread(self.fd, length, offset)

    def send(self, sock, offset, length):
        return send_file(sock, self.fd, offset, length)

    def __del__(self):
        if hasattr(self, "fd"):
            os.close(self.fd)


class GeneratedSource(Source):
    """`size` bytes that look random; `seed` decides which."""

    def __init__(self, size, seed=0):
        self.size = size
        self.seed = seed
        self.shift = zlib.crc32(str(seed).encode()) % BLOCK_SIZE

    def place(self, offset, length):
        position = (self.shift + offset) % BLOCK_SIZE
        return position, min(length, BLOCK_SIZE - position)

    def read(self, offset, length):
        pieces = []
        length = min(length, self.size - offset)
        while length > 0:
            position, here = self.place(offset, length)
            pieces.append(os.pread(Block.fd(), here, position))
            offset += here
            length -= here
        return b"".join(pieces)

    def send(self, sock, offset, length):
        position, here = self.place(offset, length)
        return send_file(sock, Block.fd(), position, here)

    def sha256(self):
        if not hasattr(self, "_sha256"):
            key = "1:%s:%d" % (self.seed, self.size)
            self._sha256 = KnownDigests.get(key, lambda: self.hashed(hashlib.sha256()))
        return self._sha256


def send_file(sock, fd, offset, length):
    if hasattr(sock, "context"):  # TLS encrypts, so the bytes have to come through here
        return sock.send(os.pread(fd, min(length, PIECE), offset))
    return os.sendfile(sock.fileno(), fd, offset, min(length, SENDFILE_PIECE))


def unsent_bytes(sock):
    """What the kernel still holds for a socket whose other end did not take it."""
    try:
        return struct.unpack("i", fcntl.ioctl(sock.fileno(), 0x5411, b"\0\0\0\0"))[0]
    except (OSError, ValueError):
        return 0


def make_source(what):
    """bytes, str (text), a path-like, (size, seed) or a Source."""
    if isinstance(what, Source):
        return what
    if isinstance(what, str):
        return BytesSource(what.encode())
    if isinstance(what, (bytes, bytearray)):
        return BytesSource(what)
    if isinstance(what, tuple):
        return GeneratedSource(*what)
    return FileSource(os.fspath(what))

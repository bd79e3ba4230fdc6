"""File systems that can share blocks between files: what is added, and what is copied out, takes no more of the disk."""
import os
import subprocess
from contextlib import contextmanager

import pytest
from content import MIB
from larder import NO_SPACE, UNPROVEN

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="mounting a file system needs root")
SIZE = 70 * MIB + 12345


@contextmanager
def btrfs(path, image):
    os.makedirs(path)
    with open(image, "wb") as file:
        file.truncate(160 * MIB)
    subprocess.run(["/usr/sbin/mkfs.btrfs", "-q", "-m", "single", image], check=True, capture_output=True)
    done = subprocess.run(["mount", "-o", "loop", image, path], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("no btrfs here: " + done.stderr.strip())
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


def free(path):
    os.sync()
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


@needs_root
@pytest.mark.asan
def test_added_and_copied_out_without_a_copy(larder, tmp_path):
    disk = str(tmp_path / "disk")
    with btrfs(disk, str(tmp_path / "image")):
        larder.home = larder.env["LARDER_HOME"] = os.path.join(disk, "larder")
        mine, out = os.path.join(disk, "mine.bin"), os.path.join(disk, "out.bin")
        with open(mine, "wb") as file:
            file.write(os.urandom(SIZE))
        before = free(disk)
        assert before < 1.5 * SIZE
        digest = larder.ok("add", mine).out.split()[0]
        larder.ok("get", digest, "--to", out)
        assert free(disk) > before - SIZE / 2
        assert os.listdir(os.path.join(larder.home, "partial")) == []
        with open(mine, "r+b") as file:
            file.write(b"changed later")
        larder.ok("verify")
        with open(out, "rb") as file:
            assert file.read(13) != b"changed later"
        larder.damage(digest.split(":")[1], 3 * MIB)
        larder.fails(UNPROVEN, "verify")
        larder.ok("add", out)
        larder.ok("verify")
        larder.check()


@needs_root
def test_a_quota_counts_what_is_shared(larder, tmp_path):
    disk = str(tmp_path / "disk")
    with btrfs(disk, str(tmp_path / "image")):
        larder.home = larder.env["LARDER_HOME"] = os.path.join(disk, "larder")
        mine = os.path.join(disk, "mine.bin")
        with open(mine, "wb") as file:
            file.write(os.urandom(20 * MIB))
        larder.fails(NO_SPACE, "add", mine, env={"LARDER_MAX_SIZE": "10M"})
        assert larder.held() == set()
        assert os.listdir(os.path.join(larder.home, "partial")) == []
        larder.ok("add", mine, env={"LARDER_MAX_SIZE": "30M"})

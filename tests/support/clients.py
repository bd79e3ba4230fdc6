"""Releases of huggingface_hub, each in a virtual environment of its own below tests/, fetched from PyPI once."""
import fcntl
import os
import re
import subprocess
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASES = ("huggingface_hub", "huggingface_hub~=0.36.0")  # the latest one, and the last before 1.0, on which much is built


def python_with(package):
    """The interpreter that has this package. Raises RuntimeError with what went wrong."""
    folder = os.path.join(TESTS, ".venv-" + re.sub(r"\W+", "-", package))
    python, done = os.path.join(folder, "bin", "python3"), os.path.join(folder, "done")
    with open(folder + ".lock", "w") as lock:  # tests run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(done):
            run(sys.executable, "-m", "venv", "--clear", folder)
            run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package)
            with open(done, "w"):
                pass
    return python


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError("%s failed:\n%s" % (" ".join(command), done.stdout))

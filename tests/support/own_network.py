"""A network that only this process and those it starts see, so that no node meets those of other tests on 127.0.0.1.

Needs root; elsewhere enter() does nothing, and nodes of tests that run side by side may meet by a port that was used again.
"""
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_outside = None


def enter():
    """To be called by the thread that runs the tests, once."""
    global _outside
    outside = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if _libc.unshare(CLONE_NEWNET) != 0:
        os.close(outside)
        return
    _outside = outside
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def leave():
    """Back to the network outside, for what has to be fetched: the preexec_fn of a subprocess."""
    if _outside is not None and _libc.setns(_outside, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")

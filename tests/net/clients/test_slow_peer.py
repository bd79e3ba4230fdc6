"""A large file that only a peer has, over a line on which it takes a minute, while no byte of it may be given before all of it is proven: each client waits for
it with the timeouts that it has, and shows no error. LARDER_LONG=1 only.
"""
import os

import pytest
from programs import PROGRAMS, place_for, url_of
from scene import Scene

pytestmark = pytest.mark.skipif(os.environ.get("LARDER_LONG") != "1", reason="LARDER_LONG=1 runs it")
FILE = "large.bin"
SIZE = 2 << 30
RATE = "290mbit"  # 60 s
WITHIN_S = 400


def curl(client, hub):
    client.run("curl", "-sSfL", "-o", place_for(client, FILE), url_of(client, FILE))
    return client.folder


def aria2(client, hub):
    client.run("aria2c", "-q", "-x16", "-s16", "-d", client.folder, "-o", FILE, url_of(client, FILE))
    return client.folder


CLIENTS = {"curl": curl, "aria2": aria2, **{name: run for name, run in PROGRAMS.items() if "snapshot" in name or name.startswith("javascript")}}


@pytest.mark.parametrize("program", CLIENTS)
def test_waits(lan, build, program):
    scene = Scene(lan, build, {FILE: SIZE}, FILE)
    scene.arrange_away()
    scene.holder.host.shape(RATE)
    client = scene.client()
    client.within = WITHIN_S
    scene.assert_files(CLIENTS[program](client, scene.hub))
    scene.assert_well()

"""The JavaScript library that runs models, on Node and on a page in Chromium, loads a real one through the gateway: from wherever it comes, the sentence is
embedded as by the same files from disk.

LARDER_LONG=1 only: the library and the browser are half a gigabyte.
"""
import json
import os
import sys
from urllib.parse import urlencode

import pytest
from machines import SUPPORT
from scene import REPO, SETTINGS, Scene

sys.path.insert(0, SUPPORT)

from clients import chromium, modules_with, node_program  # noqa: E402
from models import onnx_files  # noqa: E402

pytestmark = pytest.mark.skipif(os.environ.get("LARDER_LONG") != "1", reason="LARDER_LONG=1 runs it")
HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = "@huggingface/transformers"
MODEL = "onnx/model_quantized.onnx"
SENTENCE = "A larder keeps what others will need."
DIMENSIONS = 384
LISTED, UNLISTED = 8123, 8124  # ports of pages, of which the gateway knows the first


@pytest.fixture
def scene(lan, build):
    return Scene(lan, build, onnx_files(), MODEL, ["--gateway-origin", "http://localhost:%d" % LISTED])


def on_node(scene, client):
    told = client.json(node_program(), os.path.join(HERE, "embed.js"), REPO, client.gateway, client.folder, os.path.join(scene.hub.folder, REPO), SENTENCE,
                       NODE_PATH=modules_with(LIBRARY))
    scene.assert_files(os.path.join(client.folder, REPO))
    return told


def on_page(scene, client, port=LISTED):
    program, libraries = chromium()
    page = "pages/embed.html?" + urlencode({"repo": REPO, "gateway": client.gateway, "hub": scene.hub.url, "sentence": SENTENCE})
    modules = modules_with(LIBRARY)
    folders = {"pages": os.path.join(HERE, "pages"), "transformers": os.path.join(modules, LIBRARY, "dist"), "onnx": os.path.join(modules, "onnxruntime-web", "dist"),
               "model": os.path.join(scene.hub.folder, REPO)}
    told = client.json(sys.executable, os.path.join(HERE, "browser.py"), program, port, page, *map("=".join, folders.items()), LD_LIBRARY_PATH=libraries)
    assert "error" not in told, "%s\n%r" % (told["error"], scene.oak.node)
    return told


def assert_same(told):
    assert len(told["remote"]) == DIMENSIONS and told["remote"] == told["local"]


@pytest.mark.parametrize("where", [on_node, on_page], ids=["node", "page"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_embeds(scene, setting, where):
    """The first bytes of files, which are asked for to learn their sizes, may come from the hub where it is there."""
    SETTINGS[setting](scene)
    before, client = scene.hub.content_bytes(), scene.client()
    told = where(scene, client)
    assert_same(told)
    assert told.get("host", client.gateway) == client.gateway
    besides = scene.hub.content_bytes() - before - (sum(map(os.path.getsize, scene.files.values())) if setting == "cold" else 0)
    assert 0 <= besides <= (0 if setting == "away" else len(scene.files))
    if scene.liar:
        scene.assert_liar_is_known()
    scene.assert_well()


def test_a_page_without_a_node(scene):
    scene.oak.stop()
    told = on_page(scene, scene.client())
    assert_same(told)
    assert told["host"] == scene.hub.url


def test_a_page_that_is_not_let_in(scene):
    """It goes to the hub, and to the gateway once."""
    told = on_page(scene, scene.client(), UNLISTED)
    assert_same(told)
    assert told["host"] == scene.hub.url

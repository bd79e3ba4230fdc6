"""Real clients, unmodified and with their own timeouts, get the right bytes through the gateway, from wherever they come.

LARDER_LONG=1: all of them; else some.
"""
import os

import pytest
from programs import BESIDES, FEW, PROGRAMS
from scene import SETTINGS, SIZE, Scene


@pytest.fixture(params=SETTINGS)
def scene(request, lan, build):
    scene = Scene(lan, build)
    SETTINGS[request.param](scene)
    scene.setting = request.param
    return scene


@pytest.mark.parametrize("program", PROGRAMS if os.environ.get("LARDER_LONG") == "1" else FEW)
def test_gets_all(scene, program):
    before = scene.hub.content_bytes()
    scene.assert_files(PROGRAMS[program](scene.client(), scene.hub))
    besides = scene.hub.content_bytes() - before - (SIZE if scene.setting == "cold" else 0)
    assert 0 <= besides <= (BESIDES.get(program, 0) if scene.setting == "cold" else 0)
    if scene.liar:
        scene.assert_liar_is_known()
    scene.assert_well()

"""The main job on real model files, as quickstart.sh shows it."""
import hashlib
import os
import sys

import pytest
from content import assert_holds

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from models import REPO, model_folder  # noqa: E402


@pytest.mark.asan
def test_a_real_model(hub, larder):
    folder = model_folder()
    repo = hub.add(REPO, folder=folder)
    got = larder.ok("get", REPO)
    assert_holds(got.folder, repo)
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    assert digest in larder.ok("resolve", REPO + ":model.safetensors").out
    hub.reset()
    larder.ok("get", REPO)
    assert hub.counters()["content_requests"] == 0
    hub.down()
    assert larder.ok("get", REPO).folder == got.folder
    larder.ok("verify")
    assert "model.safetensors" in larder.ok("ls").out

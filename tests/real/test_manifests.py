"""What deploy/k8s/rendered holds, against what kubectl or kustomize gives now."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import yaml
from deploy_files import DEPLOY, documents

RENDERER = ["kustomize", "build"] if shutil.which("kustomize") else ["kubectl", "kustomize"]
FOLDERS = {
    "kind": "overlays/kind",
    "production": "overlays/production",
    "every-component": "checks/every-component",
}


@pytest.mark.skipif(
    not shutil.which(RENDERER[0]),
    reason="neither kubectl nor kustomize is here, with which `make test-real` renders again: "
    "go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1",
)
@pytest.mark.parametrize("overlay", FOLDERS)
def test_rendering_again_gives_the_same(overlay: str) -> None:
    rendered = subprocess.run(
        [*RENDERER, str(DEPLOY / "k8s" / FOLDERS[overlay])], capture_output=True, text=True, check=True
    )
    assert sorted(map(repr, yaml.safe_load_all(rendered.stdout))) == sorted(map(repr, documents(overlay)))

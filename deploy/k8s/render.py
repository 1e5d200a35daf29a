"""usage: python deploy/k8s/render.py [--check]     writes rendered/ from the overlays, or says what there is stale

Writing needs kubectl or kustomize; checking needs neither: each file begins with the digest of all that it was made from and
of itself.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RENDERED = HERE / "rendered"
OVERLAYS = {
    "kind": HERE / "overlays" / "kind",
    "production": HERE / "overlays" / "production",
    "every-component": HERE / "checks" / "every-component",
}
_HEADER = "# Written by `make manifests`; change what lies beside this folder, not this. sha256:"


def renderer() -> list[str] | None:
    """The command that renders a folder, where there is one."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    return ["kubectl", "kustomize"] if shutil.which("kubectl") else None


def render(overlay: str) -> str:
    """What the overlay gives, as YAML. Raises RuntimeError where nothing here can render."""
    command = renderer()
    if command is None:
        raise RuntimeError(
            "rendering needs kubectl or kustomize: https://kubectl.docs.kubernetes.io/installation/kustomize/"
        )
    return subprocess.run([*command, str(OVERLAYS[overlay])], check=True, capture_output=True, text=True).stdout


def stale(overlay: str) -> bool:
    """Whether its rendered file was made from other inputs, or changed by hand."""
    path = RENDERED / f"{overlay}.yaml"
    if not path.exists():
        return True
    header, _, body = path.read_text("utf-8").partition("\n")
    return header != _HEADER + _digest(body)


def _digest(body: str) -> str:
    digest = hashlib.sha256()
    for path in sorted(HERE.rglob("*.yaml")) + sorted(HERE.rglob("*.sh")):
        if RENDERED not in path.parents:
            digest.update(f"{path.relative_to(HERE).as_posix()}\n{path.read_text('utf-8')}\n".encode())
    digest.update(body.encode())
    return digest.hexdigest()


def main(arguments: list[str]) -> int:
    """Exit code 1 where --check finds something stale."""
    if arguments == ["--check"]:
        old = [name for name in OVERLAYS if stale(name)]
        for name in old:
            print(f"deploy/k8s/rendered/{name}.yaml is stale: make manifests", file=sys.stderr)
        return 1 if old else 0
    RENDERED.mkdir(exist_ok=True)
    for name in OVERLAYS:
        body = render(name)
        (RENDERED / f"{name}.yaml").write_text(f"{_HEADER}{_digest(body)}\n{body}", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

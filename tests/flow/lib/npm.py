"""Independent peers from npm: programs for node that find their packages in one folder for all builds."""
import functools
import os
import subprocess
from pathlib import Path

from .gateway import ROOT


@functools.cache
def folder() -> Path:
    """Where the packages of tests/npm lie; they are installed when they are not there."""
    place = Path(ROOT, "build", "npm")
    subprocess.run([Path(ROOT, "tests", "npm", "install"), place], check=True, timeout=300)
    return place


def node(script, *words, **popen) -> subprocess.Popen:
    """Starts node with a script, which requires packages as any other program does; the caller ends it."""
    environment = {**os.environ, "NODE_PATH": str(folder() / "node_modules")}
    return subprocess.Popen(["node", str(script), *map(str, words)], env=environment, **popen)

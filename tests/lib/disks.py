"""A disk that is small: a tmpfs. Mounting it takes root, or a namespace of our own."""

import os
import subprocess

import pytest

SIZE_MB = 40


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of SIZE_MB; everything is unmounted at the end, also when the test failed."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", directory], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    yield directory
    subprocess.run(["umount", "-l", directory], check=True)


def fill(directory, name, size_mb=None):
    """A file of this size, or of all the space that is left."""
    state = os.statvfs(directory)
    size = size_mb * (1 << 20) if size_mb else state.f_bavail * state.f_frsize
    with open(directory / name, "wb") as file:
        if size:
            os.posix_fallocate(file.fileno(), 0, size)
    return directory / name

"""A small disk that fills up and can be freed, and values that take their space on it (needs root)."""
import hashlib
import os
import subprocess

from lib.claims import Skip

VALUE = 60000


class SmallDisk:
    """A tmpfs of `size_mb` with a ballast file whose removal frees space: enough for the logs and for a
    compaction before the store opens again."""

    def __init__(self, path, size_mb=48, ballast_mb=16):
        os.makedirs(path)
        self.path = path
        self.ballast_mb = ballast_mb
        self.ballast = os.path.join(path, "ballast")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", path],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            raise Skip(f"no file system can be mounted here: {mounted.stderr.strip()}")

    def __enter__(self):
        with open(self.ballast, "wb") as file:
            file.write(b"b" * (self.ballast_mb << 20))
        return self

    def __exit__(self, *exception):
        subprocess.run(["umount", "-l", self.path], check=False)

    def free_space(self):
        os.remove(self.ballast)


def value_of(number):
    """Bytes that no compression makes smaller."""
    return hashlib.shake_128(b"%d" % number).digest(VALUE)

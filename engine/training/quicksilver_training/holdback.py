"""Which packages are held out, decided by the package's name alone.

A whole package is held out, never a file at random: two files of one package share names and
idioms, so a file-level split would measure memory. Bucket = MD5(name) mod 40, as an integer.
"""

import hashlib

BUCKETS = 40
TEST_BUCKET = 15
TUNING_BUCKET = 6


def bucket(package: str) -> int:
    """The bucket (0 to 39) of a package name without version."""
    return int(hashlib.md5(package.encode()).hexdigest(), 16) % BUCKETS


def split_of(package: str) -> str:
    """`"test"`, `"tuning"` or `"train"`."""
    return {TEST_BUCKET: "test", TUNING_BUCKET: "tuning"}.get(bucket(package), "train")

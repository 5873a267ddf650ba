"""`python -m rmtlib.data NAME ...` downloads data sets into the cache."""

import argparse
import sys
from collections.abc import Sequence

from rmtlib.data import NAMES, CorruptData, DataUnavailable
from rmtlib.data._download import fetch, files_at_hand
from rmtlib.data._files import EDITIONS


def main(arguments: Sequence[str] | None = None) -> int:
    """Download data sets by name; returns the number that could not be had."""
    parser = argparse.ArgumentParser(
        prog="python -m rmtlib.data", description="Download data sets into the cache."
    )
    parser.add_argument("names", nargs="+", choices=NAMES)
    failed = 0
    for name in parser.parse_args(arguments).names:
        if name not in EDITIONS:
            print(f"{name}: needs no file")
            continue
        try:
            fetch(name)
        except (DataUnavailable, CorruptData) as error:
            failed += 1
            print(f"{name}: {error}", file=sys.stderr)
        else:
            print(f"{name}: in {files_at_hand(name)[0].parents[1]}")
    return failed


if __name__ == "__main__":
    sys.exit(main())

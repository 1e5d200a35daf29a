"""`python -m nungil.encoder URL`: the name of the URL's encoder space, for `space=` where the weights are not."""

from __future__ import annotations

import sys

from nungil.encoder.open import space_of
from nungil.runtime.errors import Misconfigured


def main(arguments: list[str]) -> int:
    """The exit code: 2 for a URL that names no encoder."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        print(space_of(arguments[0]).name)
    except Misconfigured as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

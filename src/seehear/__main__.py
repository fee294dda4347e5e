"""`seehear` and `python -m seehear`: imports little at first, so that Ctrl-C ends quietly while the rest still loads."""

import os
from contextlib import suppress


def main() -> None:
    """Run the command line; exit 130 on Ctrl-C, whenever it comes."""
    try:
        from seehear.cli import main as run

        run()
        return
    except KeyboardInterrupt:
        pass  # and with its traceback go the frames that still hold something to clean up
    with suppress(OSError):
        os.write(2, b"seehear: stopped, no unfinished file is left behind\n")
    # sys.exit would not do: after an interrupt inside exec(), where dataclasses are made, CPython ends by the signal anyway.
    os._exit(130)


if __name__ == "__main__":
    main()

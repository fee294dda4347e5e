"""`python -m seehear`."""

from seehear.cli import main

main()

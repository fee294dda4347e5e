"""What a scene file may say, also in ``scene.schema.json``: wider than anything that is heard, narrow enough for every scene to
be rendered."""

VERSION = 1
MAX_DURATION_S = 6 * 3600
MAX_SEED = 2**63 - 1
MAX_SOURCES = 256
MAX_POINTS = 100_000
MAX_GAIN_DB = 120
DISTANCES_M = (0.01, 10_000)
SIDES_M = (0.5, 1000)
RT60S_S = (0.05, 20)
"""Sides and reverberation time of a shoebox; other rooms do without, so theirs may also be 0."""

"""Sound in space on plain arrays: the sphere, loudspeakers, the head, rooms, rendering, loudness."""

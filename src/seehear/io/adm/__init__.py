"""ADM in BW64 (ITU-R BS.2076, BS.2088): objects that move, loudspeaker beds and ambisonics in one file, written and read.

`programme` holds what is to be written, `write` writes it, `read` tells what any file holds; `axml` and `chna` are the two
chunks of metadata, `motion` turns trajectories into block formats, `common` knows the definitions of BS.2094.
"""

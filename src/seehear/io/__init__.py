"""The only door to media files: pictures, videos, sound, their containers and the scene file.

Values come in and go out tagged with what they are (layout, convention, times). What a reader gives is what the file holds;
only a video is fitted to its container: sound at a rate that AAC has, the original mixed in on request, picture sizes even.
Every output is written whole or not at all.
"""

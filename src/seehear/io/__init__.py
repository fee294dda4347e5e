"""The only door to media files: pictures, videos, sound, their containers and the scene file.

Values come in and go out tagged with what they are (layout, convention, times); nothing is converted here.
Every output is written whole or not at all.
"""

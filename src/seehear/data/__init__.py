"""Data: labelled pictures read from archives and folders, splits, and pictures that this project renders."""

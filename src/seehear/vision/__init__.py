"""Seeing without weights: cameras, regions, depth and scene cues, tracks. Pure arrays; imports only ``seehear.types``."""

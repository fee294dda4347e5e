"""Procedural sound synthesis: concept -> waveform, no weights. Filled from one module per family."""

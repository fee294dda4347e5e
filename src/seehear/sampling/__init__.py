"""Generative algorithms over any callable: code patterns, the autoregressive loop, guidance.

Shapes: B batch, K rows of codes (channels x codebooks), L frames, S steps, V codebook size, G guided branches.
"""

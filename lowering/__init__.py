"""Quantized module to .pte: export, partition, serialise, cache."""

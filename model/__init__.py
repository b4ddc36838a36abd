"""MobileSpeech (arXiv 2402.09378): text and a prompt in, speech in the prompt's voice out.

Plain PyTorch in fp32, the reference that everything else is compared with. Shapes are written
with these letters throughout the project:

    B batch · S phonemes · T codec frames (75 per second) · K = T / frames_per_step, decoder steps
    P prompt frames · Q codebooks · C channels (width) · H heads · L layers · V codebook entries
    N samples (24,000 per second)
"""

__version__ = "0.1.0"

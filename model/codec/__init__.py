"""The neural codec: waveform to codes and back, 75 frames of 8 codes per second."""

"""Training of the codec and of MobileSpeech, resumable at any moment."""

"""How speech sounds, as far as programs can tell: recognisers, verifiers and opinion models."""

"""A .pte and a request in, raw trials out: this host, boards and phones."""

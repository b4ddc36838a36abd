"""Keeps libraries from telling users of kernels that are not there and not needed."""

import logging

CHATTY = ("torchao", "torch.utils._pytree")  # loggers


def hush() -> None:
    """Let the chatty libraries say nothing but errors; call it before they are imported."""
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)

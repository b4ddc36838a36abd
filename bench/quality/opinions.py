"""Opinions: networks that guess what listeners would say, from the speech alone."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from bench.quality.clips import Look
from bench.quality.scorers import Observe
from bench.quality.sound import SCORED_RATE_HZ, at_16_khz


def load_distillmos() -> Observe:
    """Load DistillMOS (arXiv 2502.05356), distilled from a large self-supervised model."""
    import torch

    torch.set_num_threads(1)
    # The package's command line reads files with torchaudio; the network does without.
    stub = importlib.util.find_spec("torchaudio") is None
    if stub:
        sys.modules["torchaudio"] = ModuleType("torchaudio")
    try:
        from distillmos import ConvTransformerSQAModel
    finally:
        if stub:
            del sys.modules["torchaudio"]
    network = ConvTransformerSQAModel().eval()

    @torch.no_grad()
    def observe(look: Look) -> float:
        return round(float(network(torch.from_numpy(at_16_khz(look.speech))[None])), 5)

    return observe


def load_dnsmos() -> Observe:
    """Load DNSMOS P.835 (arXiv 2110.01763) and P.808 (arXiv 2010.15258), from one package."""
    import onnxruntime
    from speechmos import dnsmos

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    folder = Path(dnsmos.__file__).parent / "dnsmos_models"
    files = [str(folder / name) for name in ("sig_bak_ovr.onnx", "model_v8.onnx")]
    judge = dnsmos.DNSMOS(*files)
    # Its own sessions take every core.
    judge.onnx_sess, judge.p808_onnx_sess = (
        onnxruntime.InferenceSession(file, options) for file in files
    )

    def observe(look: Look) -> dict[str, float]:
        found = judge(at_16_khz(look.speech), SCORED_RATE_HZ, is_personalized_MOS=False)
        return {name: round(float(found[f"{name}_mos"]), 5) for name in ("ovrl", "p808")}

    return observe

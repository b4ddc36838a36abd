"""How fast a run of training is, said within its first minute."""

import torch

TELL_AFTER_S = 20.0


class Throughput:
    """Says once, early in a run, how much speech is learnt from per second.

    Args:
        began_s: Seconds of training before this run.
        audio_s: Seconds of speech that were learnt from before this run.
        dtype: Type of the matrix products.
    """

    def __init__(self, began_s: float, audio_s: float, dtype: torch.dtype) -> None:
        self.began_s, self.audio_s, self.dtype = began_s, audio_s, dtype
        self.told = False

    def tell(self, elapsed_s: float, audio_s: float) -> None:
        """Print it once, after the first step that ends `TELL_AFTER_S` into the run.

        Args:
            elapsed_s: Seconds of training.
            audio_s: Seconds of speech that were learnt from.
        """
        passed_s = elapsed_s - self.began_s
        if self.told or passed_s < TELL_AFTER_S:
            return
        self.told = True
        speed = (audio_s - self.audio_s) / passed_s
        name = str(self.dtype).removeprefix("torch.")
        threads = torch.get_num_threads()
        print(
            f"{speed:.1f} s of speech per second of training: matrix products in {name},"
            f" {threads} thread{'s' * (threads > 1)}",
            flush=True,
        )

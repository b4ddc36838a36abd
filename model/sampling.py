"""Confidence-based unmasking, specified bit for bit, so that every implementation agrees.

The same logits and the same seed give the same codes here and in the native runner. Three rules
make that possible:

- Random numbers are a pure function of (seed, sentence, pass, purpose, index): Philox4x64-10
  (Salmon et al., SC 2011) with key (seed, 0) and counter (b, sentence, pass, purpose), whose
  64-bit output words are numbered 4 * (b - 1) + lane. NumPy's generator is the reference; it counts
  up before each block, so that the first block has b = 1.
- Arithmetic is IEEE float32, one rounding per operation, in the order written here: no fused
  multiply-add, and sums by halving (`tree_sum`).
- Exponential and logarithm are the polynomials below, not the C library's.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

LOG2_E = np.float32(1.4426950408889634)
LN_2 = np.float32(0.6931471805599453)
# 2**f on [-0.5, 0.5]: Taylor coefficients ln(2)**n / n!, highest power first; error below 2e-7.
EXP2_COEFFICIENTS = tuple(
    np.float32(math.log(2) ** n / math.factorial(n)) for n in range(6, -1, -1)
)
# ln(m) = 2 (z + z**3/3 + z**5/5 + z**7/7 + z**9/9), z = (m - 1) / (m + 1); error below 1e-7.
LOG_COEFFICIENTS = tuple(np.float32(2 / n) for n in (9, 7, 5, 3, 1))

TOKENS, POSITIONS = 0, 1  # purposes of random numbers


def exp32(x: Float32) -> Float32:
    """Exponential of x <= 0; 0 below -87."""
    t = x * LOG2_E
    whole: Float32 = np.floor(t + np.float32(0.5))
    fraction = t - whole
    power = np.full_like(x, EXP2_COEFFICIENTS[0])
    for coefficient in EXP2_COEFFICIENTS[1:]:
        power = power * fraction + coefficient
    scaled: Float32 = np.ldexp(power, np.maximum(whole, np.float32(-126)).astype(np.int32))
    scaled[x < np.float32(-87)] = 0
    return scaled


def log32(x: Float32) -> Float32:
    """Natural logarithm of a positive, normal x."""
    mantissa: Float32
    mantissa, exponent = np.frexp(x)  # mantissa in [0.5, 1)
    low = mantissa < np.float32(0.70710678)
    mantissa[low] *= np.float32(2)
    exponent[low] -= 1
    z = (mantissa - np.float32(1)) / (mantissa + np.float32(1))
    square = z * z
    series = np.full_like(x, LOG_COEFFICIENTS[0])
    for coefficient in LOG_COEFFICIENTS[1:]:
        series = series * square + coefficient
    return z * series + exponent.astype(np.float32) * LN_2


def tree_sum(x: Float32) -> Float32:
    """Sum the last axis, whose length is a power of two, by adding its upper half to its lower."""
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        x = x[..., :half] + x[..., half:]
    return x[..., 0]


@dataclass(frozen=True)
class Draws:
    """The random numbers of one pass over one sentence.

    Attributes:
        seed: Of the utterance.
        sentence: Number of the sentence within the utterance.
        pass_index: Number of the pass.
    """

    seed: int
    sentence: int
    pass_index: int

    def gumbel(self, purpose: int, numbers: NDArray[np.int64]) -> Float32:
        """Draw Gumbel variates, -ln(-ln(u)).

        u = (w + 0.5) / 2**23 for the upper 23 bits w of a word: exact in float32, never 0 or 1.

        Args:
            purpose: `TOKENS` or `POSITIONS`.
            numbers: (n,) numbers of the words to use.

        Returns:
            (n,) variates.
        """
        counter = [0, self.sentence, self.pass_index, purpose]
        bits = np.random.Philox(key=np.array([self.seed, 0], np.uint64), counter=counter)
        words = bits.random_raw(int(numbers.max()) + 1)[numbers]
        u = ((words >> np.uint64(41)).astype(np.float32) + np.float32(0.5)) * np.float32(2**-23)
        return -log32(-log32(u))


def log_probability(logits: Float32, tokens: NDArray[np.int64]) -> Float32:
    """Logarithm of the softmax of (M, V) logits at one (M,) token each."""
    top = logits.max(-1)
    total = tree_sum(exp32(logits - top[:, None]))
    chosen = logits[np.arange(len(tokens)), tokens]
    result: Float32 = chosen - top - log32(total)
    return result


def choose_tokens(
    logits: Float32, cells: NDArray[np.int64], draws: Draws, temperature: float, top_k: int
) -> NDArray[np.int64]:
    """Sample one code per row by the Gumbel-max trick; the lowest code wins a tie.

    Code v of cell i takes random number i * V + v.

    Args:
        logits: (M, V).
        cells: (M,) index of each row's cell in the grid.
        draws: Where the random numbers come from.
        temperature: 0 takes the most likely code.
        top_k: Only codes with a logit at least the k-th largest take part.

    Returns:
        (M,) codes.
    """
    scores = logits
    if temperature > 0:
        threshold = np.partition(logits, -top_k, axis=-1)[:, -top_k, None]
        row, code = np.nonzero(logits >= threshold)
        noise = draws.gumbel(TOKENS, cells[row] * logits.shape[1] + code)
        scores = np.full_like(logits, -np.inf)
        scores[row, code] = logits[row, code] + np.float32(temperature) * noise
    tokens: NDArray[np.int64] = scores.argmax(-1)
    return tokens


def most_confident(scores: Float32, count: int) -> NDArray[np.int64]:
    """Return the indices of the `count` highest scores, ascending; the lower index wins a tie."""
    order: NDArray[np.int64] = np.argsort(-scores, kind="stable")
    return np.sort(order[:count])

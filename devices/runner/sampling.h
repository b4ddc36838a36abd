// Confidence-based unmasking: what model/sampling.py and model/decoding.py specify, bit for bit.
//
// Compile with -ffp-contract=off: a fused multiply-add rounds once where the specification rounds
// twice, and Arm compilers fuse by default.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iterator>
#include <vector>

namespace mobilespeech {

constexpr size_t kCodes = 1024;    // entries of a codebook, a power of two
constexpr int64_t kMask = kCodes;  // the code that stands for "not known yet"
constexpr size_t kChannels = 8;

// One pass of the plan: `model.decoding.Pass`.
struct Pass {
  std::vector<size_t> channels;
  double remaining;
};

// How codes are unmasked: `model.decoding.DecodingOptions`.
struct DecodingOptions {
  std::vector<Pass> plan;
  double temperature;
  size_t top_k;
  double position_temperature;
  double layer_penalty;
  uint64_t seed;
};

// A cell of the grid that a pass may fill.
struct Cell {
  size_t channel;
  size_t frame;
};

// 2 to the power of n from -126 to 127.
inline float exp2_whole(int32_t n) {
  const int32_t bits = (n + 127) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return power;
}

// Exponential of x <= 0; 0 below -87.
inline float exp32(float x) {
  constexpr float kTaylor[] = {0x1.430912p-13f,
                               0x1.5d87fep-10f,
                               0x1.3b2ab6p-7f,
                               0x1.c6b08ep-5f,
                               0x1.ebfbe0p-3f,
                               0x1.62e430p-1f,
                               1.0f};
  // Bounded, so that it fits an integer. By way of one, since x86 has no vector instruction that
  // rounds down, and a loop over this function is to become one of vectors.
  const float t = (x < -88.0f ? -88.0f : x) * 0x1.715476p+0f;
  const float nearest = t + 0.5f;
  const float truncated = static_cast<float>(static_cast<int32_t>(nearest));
  const float whole = truncated > nearest ? truncated - 1.0f : truncated;
  const float fraction = t - whole;
  float power = kTaylor[0];
  for (size_t i = 1; i < std::size(kTaylor); i++) power = power * fraction + kTaylor[i];
  const float scaled = power * exp2_whole(static_cast<int32_t>(std::max(whole, -126.0f)));
  return x < -87.0f ? 0.0f : scaled;
}

// Natural logarithm of a positive, normal x.
inline float log32(float x) {
  constexpr float kSeries[] = {0x1.c71c72p-3f, 0x1.24924ap-2f, 0x1.99999ap-2f, 0x1.555556p-1f,
                               2.0f};
  int exponent;
  float mantissa = std::frexp(x, &exponent);
  if (mantissa < 0x1.6a09e6p-1f) {
    mantissa *= 2.0f;
    exponent -= 1;
  }
  const float z = (mantissa - 1.0f) / (mantissa + 1.0f);
  const float square = z * z;
  float series = kSeries[0];
  for (size_t i = 1; i < std::size(kSeries); i++) series = series * square + kSeries[i];
  return z * series + static_cast<float>(exponent) * 0x1.62e430p-1f;
}

// Sum of n values, n a power of two, by adding the upper half to the lower; overwrites them.
inline float tree_sum(float* x, size_t n) {
  while (n > 1) {
    n /= 2;
    for (size_t i = 0; i < n; i++) x[i] += x[n + i];
  }
  return x[0];
}

// The random numbers of one pass over one sentence: Philox4x64-10 with random access.
class Draws {
 public:
  enum Purpose : uint64_t { kTokens = 0, kPositions = 1 };

  Draws(uint64_t seed, uint64_t sentence, uint64_t pass)
      : seed_(seed), sentence_(sentence), pass_(pass) {}

  // Gumbel variate number `number` of a purpose.
  float gumbel(Purpose purpose, uint64_t number) const {
    const auto bits = static_cast<float>(word(purpose, number) >> 41);
    return -log32(-log32((bits + 0.5f) * 0x1p-23f));
  }

 private:
  uint64_t word(uint64_t purpose, uint64_t number) const {
    uint64_t counter[4] = {number / 4 + 1, sentence_, pass_, purpose};
    uint64_t key[2] = {seed_, 0};
    for (int round = 0; round < 10; round++) {
      const auto a = static_cast<unsigned __int128>(counter[0]) * 0xD2E7470EE14C6C93u;
      const auto b = static_cast<unsigned __int128>(counter[2]) * 0xCA5A826395121157u;
      counter[0] = static_cast<uint64_t>(b >> 64) ^ counter[1] ^ key[0];
      counter[1] = static_cast<uint64_t>(b);
      counter[2] = static_cast<uint64_t>(a >> 64) ^ counter[3] ^ key[1];
      counter[3] = static_cast<uint64_t>(a);
      key[0] += 0x9E3779B97F4A7C15u;
      key[1] += 0xBB67AE8584CAA73Bu;
    }
    return counter[number % 4];
  }

  uint64_t seed_, sentence_, pass_;
};

// Whether all of a row of logits are numbers.
inline bool all_finite(const float* logits) {
  constexpr uint32_t kExponent = 0x7f800000;
  uint32_t found = 0;
  for (size_t v = 0; v < kCodes; v++) {
    uint32_t bits;
    std::memcpy(&bits, logits + v, sizeof bits);
    found |= (bits & kExponent) == kExponent;
  }
  return found == 0;
}

// The largest logit of each residue class modulo `kGroups`: compared by vectors, unlike a row.
template <size_t kGroups>
void group_maxima(const float* logits, float* maxima) {
  std::copy(logits, logits + kGroups, maxima);
  for (size_t v = kGroups; v < kCodes; v += kGroups)
    for (size_t g = 0; g < kGroups; g++) maxima[g] = std::max(maxima[g], logits[v + g]);
}

inline float largest(const float* logits) {
  constexpr size_t kGroups = 32;
  float maxima[kGroups];
  group_maxima<kGroups>(logits, maxima);
  return *std::max_element(maxima, maxima + kGroups);
}

// Logarithm of the softmax of logits at one code.
inline float log_probability(const float* logits, size_t code) {
  const float top = largest(logits);
  float terms[kCodes];
  for (size_t v = 0; v < kCodes; v++) terms[v] = exp32(logits[v] - top);
  return logits[code] - top - log32(tree_sum(terms, kCodes));
}

// The k-th largest of n values, which end up in another order.
inline float kth_largest(float* values, size_t n, size_t k) {
  std::nth_element(values, values + (k - 1), values + n, std::greater<>());
  return values[k - 1];
}

// Writes the codes whose logits are at least the k-th largest, ascending; returns how many.
inline size_t likeliest_codes(const float* logits, size_t k, uint16_t* codes) {
  // At least k logits reach the k-th largest of the groups' maxima, which rules out most others
  // at once: what is left to select from is short.
  constexpr size_t kGroups = 128;
  float low = -INFINITY;
  if (k <= kGroups) {
    float maxima[kGroups];
    group_maxima<kGroups>(logits, maxima);
    low = kth_largest(maxima, kGroups, k);
  }
  size_t count = 0;
  for (size_t v = 0; v < kCodes; v++) {  // without a branch, which would be guessed wrong too often
    codes[count] = static_cast<uint16_t>(v);
    count += logits[v] >= low;
  }
  float values[kCodes];
  for (size_t i = 0; i < count; i++) values[i] = logits[codes[i]];
  const float threshold = kth_largest(values, count, k);
  return std::remove_if(codes, codes + count,
                        [&](uint16_t v) { return logits[v] < threshold; }) -
         codes;
}

// One code by the Gumbel-max trick among those with the `top_k` largest logits; temperature 0
// takes the most likely. The lowest code wins a tie. Code v takes random number cell * V + v.
inline size_t choose_code(const float* logits, uint64_t cell, const Draws& draws,
                          double temperature, size_t top_k) {
  if (!(temperature > 0)) return std::find(logits, logits + kCodes, largest(logits)) - logits;
  uint16_t codes[kCodes];
  const size_t count = likeliest_codes(logits, top_k, codes);
  size_t best = 0;
  float best_score = -INFINITY;
  for (size_t i = 0; i < count; i++) {
    const size_t v = codes[i];
    const float noise = draws.gumbel(Draws::kTokens, cell * kCodes + v);
    const float score = logits[v] + static_cast<float>(temperature) * noise;
    if (score > best_score) {
      best = v;
      best_score = score;
    }
  }
  return best;
}

// Indices of the `count` highest scores; the lower index wins a tie.
inline std::vector<size_t> most_confident(const std::vector<float>& scores, size_t count) {
  std::vector<size_t> order(scores.size());
  for (size_t i = 0; i < order.size(); i++) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  order.resize(std::min(count, order.size()));
  return order;
}

// The cells of (Q, T) codes that a pass may fill, by channel and then by frame.
inline std::vector<Cell> masked_cells(const std::vector<int64_t>& codes, size_t frames,
                                      const Pass& pass) {
  std::vector<Cell> cells;
  for (size_t channel : pass.channels)
    for (size_t frame = 0; frame < frames; frame++)
      if (codes[channel * frames + frame] == kMask) cells.push_back({channel, frame});
  return cells;
}

// Writes a pass's most confident cells into (Q, T) codes. `logits` has one row of `kCodes` values
// per cell; all of them must be finite. `for_each(n, f)` calls f with 0 to n - 1, in any order and
// at once if it likes.
template <typename ForEach>
void unmask(std::vector<int64_t>& codes, size_t frames, const std::vector<Cell>& cells,
            const std::vector<const float*>& logits, size_t pass_index,
            const DecodingOptions& options, uint64_t sentence, const ForEach& for_each) {
  const Pass& pass = options.plan[pass_index];
  const Draws draws(options.seed, sentence, pass_index);
  const double temperature = options.temperature * pass.remaining;
  std::vector<size_t> index(cells.size()), tokens(cells.size()), keep(cells.size());
  for_each(cells.size(), [&](size_t i) {
    index[i] = cells[i].channel * frames + cells[i].frame;
    tokens[i] = choose_code(logits[i], index[i], draws, temperature, options.top_k);
    keep[i] = i;
  });
  const auto remaining = static_cast<size_t>(std::floor(
      pass.remaining * static_cast<double>(pass.channels.size()) * static_cast<double>(frames)));
  if (remaining > 0) {
    std::vector<float> scores(cells.size());
    const auto scale = static_cast<float>(options.position_temperature * pass.remaining);
    for_each(cells.size(), [&](size_t i) {
      scores[i] = log_probability(logits[i], tokens[i]);
      if (pass.channels.size() > 1)
        scores[i] -=
            static_cast<float>(options.layer_penalty) * static_cast<float>(cells[i].channel);
      if (options.position_temperature > 0)
        scores[i] += scale * draws.gumbel(Draws::kPositions, index[i]);
    });
    const size_t count = cells.size() > remaining ? cells.size() - remaining : 1;
    keep = most_confident(scores, count);
  }
  for (size_t i : keep) codes[index[i]] = static_cast<int64_t>(tokens[i]);
}

}  // namespace mobilespeech

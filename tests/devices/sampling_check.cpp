// Runs the functions of devices/runner/sampling.h for test_runner_sampling.py.
//
// Input on stdin: records of little-endian 8-byte words, each a function's number and its
// arguments; output on stdout: the raw results.
#include <cstdio>
#include <cstdlib>

#include "devices/runner/sampling.h"

using namespace mobilespeech;

namespace {

template <typename T>
std::vector<T> read(size_t n) {
  std::vector<T> values(n);
  if (fread(values.data(), sizeof(T), n, stdin) != n) exit(1);
  return values;
}

template <typename T>
T read() {
  return read<T>(1)[0];
}

template <typename T>
void write(const std::vector<T>& values) {
  if (fwrite(values.data(), sizeof(T), values.size(), stdout) != values.size()) exit(1);
}

void check_unmask() {
  const auto frames = read<uint64_t>(), sentence = read<uint64_t>(), index = read<uint64_t>();
  DecodingOptions options;
  options.seed = read<uint64_t>();
  options.top_k = read<uint64_t>();
  options.temperature = read<double>();
  options.position_temperature = read<double>();
  options.layer_penalty = read<double>();
  Pass pass;
  pass.remaining = read<double>();
  for (uint64_t channel : read<uint64_t>(read<uint64_t>())) pass.channels.push_back(channel);
  options.plan.assign(index + 1, pass);
  auto codes = read<int64_t>(kChannels * frames);
  const auto cells = masked_cells(codes, frames, pass);
  const auto logits = read<float>(cells.size() * kCodes);
  std::vector<const float*> rows;
  for (size_t i = 0; i < cells.size(); i++) rows.push_back(&logits[i * kCodes]);
  const auto backwards = [](size_t count, auto function) {  // as any order must do
    while (count-- > 0) function(count);
  };
  unmask(codes, frames, cells, rows, index, options, sentence, backwards);
  write(codes);
}

void check_gumbel() {
  const auto seed = read<uint64_t>(), sentence = read<uint64_t>(), pass = read<uint64_t>();
  const auto purpose = static_cast<Draws::Purpose>(read<uint64_t>());
  std::vector<float> results;
  for (uint64_t number : read<uint64_t>(read<uint64_t>()))
    results.push_back(Draws(seed, sentence, pass).gumbel(purpose, number));
  write(results);
}

void check_elementwise(float (*function)(float)) {
  auto values = read<float>(read<uint64_t>());
  for (float& value : values) value = function(value);
  write(values);
}

}  // namespace

int main() {
  uint64_t function;
  while (fread(&function, sizeof function, 1, stdin) == 1) {
    if (function == 0) check_elementwise(exp32);
    if (function == 1) check_elementwise(log32);
    if (function == 2) check_gumbel();
    if (function == 3) check_unmask();
  }
}

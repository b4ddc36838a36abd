// The request file, whose format devices/exchange.py specifies.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "failure.h"
#include "sampling.h"

namespace mobilespeech {

// What to say, in whose voice, and how: `devices.base.Job` without the model.
struct Request {
  size_t frames_per_step;
  size_t max_frames;
  size_t max_prompt_frames;
  size_t chunk_frames;
  size_t lookahead_frames;
  DecodingOptions options;
  std::vector<int64_t> prompt_codes;  // (Q, P)
  std::vector<std::vector<int64_t>> sentences;
};

// Reads a request line by line; each line has to have the key that is expected next.
class RequestReader {
 public:
  explicit RequestReader(const std::string& path) : path_(path), file_(path) {
    require(file_.is_open(), Status::kRequest, path + " does not open");
    next();
  }

  Request read() {
    Request request;
    check(integer<uint64_t>("format", 1) == 1, "format 1");
    request.frames_per_step = integer<size_t>("frames_per_step", 1, kMaxFrames);
    request.max_frames = integer<size_t>("max_frames", 1, kMaxFrames);
    request.max_prompt_frames = integer<size_t>("max_prompt_frames", 1, kMaxFrames);
    request.chunk_frames = integer<size_t>("chunk_frames", 1, kMaxFrames);
    request.lookahead_frames = integer<size_t>("lookahead_frames", 0, kMaxFrames);
    request.options.seed = integer<uint64_t>("seed", 0);
    request.options.temperature = real("temperature");
    request.options.top_k = integer<size_t>("top_k", 1, kCodes);
    request.options.position_temperature = real("position_temperature");
    request.options.layer_penalty = real("layer_penalty");
    while (key_ == "pass") request.options.plan.push_back(pass());
    check(!request.options.plan.empty(), "pass");
    request.prompt_codes = integers("prompt_codes", kCodes - 1);
    check_before(request.prompt_codes.size() % kChannels == 0, "codes of all channels");
    check_before(request.prompt_codes.size() / kChannels >= request.frames_per_step,
                 "a prompt of a whole step");
    while (key_ == "sentence")
      request.sentences.push_back(integers("sentence", std::numeric_limits<int32_t>::max()));
    check(!request.sentences.empty(), "sentence");
    check(done_, "the end");
    return request;
  }

 private:
  static constexpr size_t kMaxFrames = 1 << 24;

  void check(bool condition, const std::string& expected) const {
    require(condition, Status::kRequest,
            path_ + " line " + std::to_string(line_) + ": expected " + expected);
  }

  // The same for the line that was taken last.
  void check_before(bool condition, const std::string& expected) const {
    require(condition, Status::kRequest,
            path_ + " line " + std::to_string(line_ - 1) + ": expected " + expected);
  }

  void next() {
    std::string line;
    done_ = !std::getline(file_, line);
    line_++;
    words_.clear();
    for (size_t start = 0; start <= line.size();) {
      const size_t end = std::min(line.find(' ', start), line.size());
      words_.push_back(line.substr(start, end - start));
      start = end + 1;
    }
    key_ = done_ ? "" : words_[0];
  }

  // Takes the line with this key: its words, the key first.
  std::vector<std::string> take(const std::string& key) {
    check(key_ == key && words_.size() > 1, key);
    std::vector<std::string> words = std::move(words_);
    next();
    return words;
  }

  template <typename T>
  T parse(const std::string& word, T low, T high, const std::string& key) const {
    T value{};
    const char* end = word.data() + word.size();
    const auto [rest, error] = std::from_chars(word.data(), end, value);
    const bool whole = error == std::errc() && rest == end;
    check_before(
        whole && low <= value && value <= high,
        key + " to have integers from " + std::to_string(low) + " to " + std::to_string(high));
    return value;
  }

  double parse_real(const std::string& word, const std::string& key) const {
    char* rest;
    const double value = std::strtod(word.c_str(), &rest);
    check_before(!word.empty() && !*rest && std::isfinite(value) && value >= 0,
                 key + " to have a number of at least 0");
    return value;
  }

  template <typename T>
  T integer(const std::string& key, T low, T high = std::numeric_limits<T>::max()) {
    const auto words = take(key);
    check_before(words.size() == 2, key + " to have one value");
    return parse(words[1], low, high, key);
  }

  double real(const std::string& key) {
    const auto words = take(key);
    check_before(words.size() == 2, key + " to have one value");
    return parse_real(words[1], key);
  }

  std::vector<int64_t> integers(const std::string& key, int64_t high) {
    const auto words = take(key);
    std::vector<int64_t> values;
    for (size_t i = 1; i < words.size(); i++)
      values.push_back(parse<int64_t>(words[i], 0, high, key));
    return values;
  }

  Pass pass() {
    const auto words = take("pass");
    Pass pass{{}, parse_real(words[1], "pass")};
    check_before(pass.remaining <= 1 && words.size() > 2, "pass to have a share and channels");
    for (size_t i = 2; i < words.size(); i++) {
      const size_t channel = parse<size_t>(words[i], 0, kChannels - 1, "pass");
      check_before(pass.channels.empty() || pass.channels.back() < channel,
                   "pass to have ascending channels");
      pass.channels.push_back(channel);
    }
    return pass;
  }

  std::string path_;
  std::ifstream file_;
  size_t line_ = 0;
  bool done_ = false;
  std::string key_;
  std::vector<std::string> words_;
};

}  // namespace mobilespeech

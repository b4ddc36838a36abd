// The synthesis loop of model/generate.py: phonemes and prompt codes in, codes and waveform out.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "clock.h"
#include "failure.h"
#include "model.h"
#include "process.h"
#include "request.h"
#include "sampling.h"

namespace mobilespeech {

// The methods that a synthesis calls.
inline std::vector<std::string> method_names(const Request&) {
  std::vector<std::string> names = {"prompt_encoder", "text_encoder", "duration_predictor", "smd"};
  for (size_t channel = 0; channel < kChannels; channel++)
    names.push_back("head_" + std::to_string(channel));
  names.push_back("codec_decoder");
  return names;
}

// What one synthesis gave and what it took: `model.generate.Synthesis`.
struct Synthesis {
  std::vector<std::vector<int64_t>> codes;  // per sentence (Q, T)
  std::vector<float> waveform;
  std::map<std::string, double> stage_ms;
  double first_audio_ms = 0;
  double wall_ms = 0;
  double set_input_ms = 0;
};

// Length-regulated text: `count` rows.
struct Steps {
  std::vector<float> rows;
  size_t count;
};

class Synthesizer {
 public:
  Synthesizer(Model& model, const Request& request) : model_(model), request_(request) {}

  Synthesis run() {
    const Clock clock;
    synthesis_ = {};
    for (const char* stage : {"prompt_encoder", "text_encoder", "duration_predictor", "smd", "head",
                              "sampling", "codec"})
      synthesis_.stage_ms[stage] = 0;
    model_.take_set_input_ms();
    const std::vector<Array> memory = encode_prompt();
    for (size_t number = 0; number < request_.sentences.size(); number++) {
      Steps steps = regulate(number, memory);
      std::vector<int64_t> codes = decode_codes(number, steps, memory);
      const size_t frames = codes.size() / kChannels;
      for (size_t start = 0; start < frames; start += request_.chunk_frames) {
        decode_chunk(codes, frames, start);
        if (synthesis_.first_audio_ms == 0) synthesis_.first_audio_ms = clock.elapsed_ms();
      }
      synthesis_.codes.push_back(std::move(codes));
    }
    synthesis_.wall_ms = clock.elapsed_ms();
    synthesis_.set_input_ms = model_.take_set_input_ms();
    return std::move(synthesis_);
  }

 private:
  // Adds the time until its end to a stage.
  class Stage {
   public:
    Stage(Synthesis& synthesis, const char* name) : ms_(synthesis.stage_ms[name]) {}
    ~Stage() { ms_ += clock_.elapsed_ms(); }

   private:
    double& ms_;
    Clock clock_;
  };

  // Requires a float tensor of three dimensions, the first 1 and the second as given.
  static size_t width(const Array& array, size_t rows, const std::string& what) {
    const bool fits = array.type == ScalarType::Float && array.sizes.size() == 3 &&
                      array.sizes[0] == 1 && static_cast<size_t>(array.sizes[1]) == rows;
    require(fits, Status::kSignature, what + " has an unexpected shape or type");
    return static_cast<size_t>(array.sizes[2]);
  }

  static SizesType size(size_t value) { return static_cast<SizesType>(value); }

  // Keys and values of the duration predictor, then those of the SMD's blocks.
  std::vector<Array> encode_prompt() {
    const Stage stage(synthesis_, "prompt_encoder");
    const size_t available = request_.prompt_codes.size() / kChannels;
    size_t frames = std::min(available, request_.max_prompt_frames);
    frames -= frames % request_.frames_per_step;
    std::vector<int64_t> codes;
    for (size_t channel = 0; channel < kChannels; channel++) {
      const auto row = request_.prompt_codes.begin() + channel * available;
      codes.insert(codes.end(), row, row + frames);
    }
    auto memory =
        model_.call("prompt_encoder", {array(codes, {1, size(kChannels), size(frames)})}, 0);
    require(memory.size() > 2, Status::kSignature, "prompt_encoder has too few outputs");
    return memory;
  }

  // Text stretched to decoder steps by the predicted durations.
  Steps regulate(size_t number, const std::vector<Array>& memory) {
    std::vector<int64_t> phonemes = request_.sentences[number];
    const size_t n_phoneme = phonemes.size(), per_step = request_.frames_per_step;
    std::vector<Array> text;
    {
      const Stage stage(synthesis_, "text_encoder");
      text = model_.call("text_encoder", {array(phonemes, {1, size(n_phoneme)})}, 2);
    }
    const Stage stage(synthesis_, "duration_predictor");
    const Array durations =
        model_.call("duration_predictor", {text[0], memory[0], memory[1]}).front();
    const bool fits = durations.type == ScalarType::Float && durations.sizes.size() == 2 &&
                      static_cast<size_t>(durations.sizes[1]) == n_phoneme;
    require(fits, Status::kSignature, "duration_predictor has an unexpected shape or type");
    const size_t row_width = width(text[1], n_phoneme, "text_encoder"),
                 width = row_width / per_step;

    std::vector<size_t> source;  // per frame its phoneme
    for (size_t s = 0; s < n_phoneme; s++) {
      const double frames =
          std::max(1.0, std::floor(std::exp(double{durations.as<float>()[s]}) + 0.5));
      // So written, it catches a duration that is not a number as well.
      if (!(static_cast<double>(source.size()) + frames <= request_.max_frames))
        throw Failure(Status::kLength, "the predicted speech has over " +
                                           std::to_string(request_.max_frames) +
                                           " frames, the model's limit: split the text into"
                                           " shorter sentences");
      source.insert(source.end(), static_cast<size_t>(frames), s);
    }
    while (source.size() % per_step != 0) source.push_back(source.back());

    Steps steps{std::vector<float>(source.size() / per_step * width), source.size() / per_step};
    for (size_t t = 0; t < source.size(); t++) {
      const float* row = text[1].as<float>() + source[t] * row_width + t % per_step * width;
      float* step = &steps.rows[t / per_step * width];
      for (size_t c = 0; c < width; c++) step[c] = t % per_step == 0 ? row[c] : step[c] + row[c];
    }
    return steps;
  }

  // Fills a masked grid pass by pass: (Q, T) codes.
  std::vector<int64_t> decode_codes(size_t number, Steps& steps, const std::vector<Array>& memory) {
    const size_t frames = steps.count * request_.frames_per_step;
    std::vector<int64_t> codes(kChannels * frames, kMask);
    std::vector<Array> inputs = {
        array(codes, {1, size(kChannels), size(frames)}),
        array(steps.rows, {1, size(steps.count), size(steps.rows.size() / steps.count)}),
    };
    inputs.insert(inputs.end(), memory.begin() + 2, memory.end());
    for (size_t index = 0; index < request_.options.plan.size(); index++) {
      const auto cells = masked_cells(codes, frames, request_.options.plan[index]);
      if (cells.empty()) continue;
      Array hidden;
      {
        const Stage stage(synthesis_, "smd");
        hidden = model_.call("smd", inputs).front();
      }
      const auto logits = head(hidden, frames, cells);
      const Stage stage(synthesis_, "sampling");
      for (const float* row : logits)
        require(all_finite(row), Status::kExecute, "the logits are not all finite numbers");
      unmask(codes, frames, cells, logits, index, request_.options, number, parallel_for);
    }
    return codes;
  }

  // A row of logits for each cell, in the memory of the heads.
  std::vector<const float*> head(const Array& hidden, size_t frames,
                                 const std::vector<Cell>& cells) {
    const Stage stage(synthesis_, "head");
    const size_t hidden_width = width(hidden, frames, "smd");
    std::vector<const float*> rows;
    for (size_t first = 0; first < cells.size();) {
      const size_t channel = cells[first].channel;
      std::vector<float> gathered;
      size_t end = first;
      for (; end < cells.size() && cells[end].channel == channel; end++) {
        const float* row = hidden.as<float>() + cells[end].frame * hidden_width;
        gathered.insert(gathered.end(), row, row + hidden_width);
      }
      const std::string name = "head_" + std::to_string(channel);
      const size_t count = end - first;
      const Array logits =
          model_.call(name, {array(gathered, {1, size(count), size(hidden_width)})}).front();
      require(width(logits, count, name) == kCodes, Status::kSignature,
              name + " does not return " + std::to_string(kCodes) + " logits per cell");
      for (size_t i = 0; i < count; i++) rows.push_back(logits.as<float>() + i * kCodes);
      first = end;
    }
    return rows;
  }

  // Appends some frames as waveform, decoded with as much context as makes it equal all of it.
  void decode_chunk(const std::vector<int64_t>& codes, size_t frames, size_t start) {
    const Stage stage(synthesis_, "codec");
    const size_t left = start - std::min(start, request_.lookahead_frames);
    const size_t stop = std::min(frames, start + request_.chunk_frames);
    const size_t right = std::min(frames, stop + request_.lookahead_frames);
    std::vector<int64_t> chunk;
    for (size_t channel = 0; channel < kChannels; channel++) {
      const auto row = codes.begin() + channel * frames;
      chunk.insert(chunk.end(), row + left, row + right);
    }
    const Array waveform =
        model_.call("codec_decoder", {array(chunk, {1, size(kChannels), size(right - left)})})
            .front();
    const bool fits = waveform.type == ScalarType::Float && waveform.sizes.size() == 2 &&
                      waveform.sizes[1] % size(right - left) == 0;
    require(fits, Status::kSignature, "codec_decoder has an unexpected shape or type");
    const size_t hop_length = static_cast<size_t>(waveform.sizes[1]) / (right - left);
    const float* first = waveform.as<float>() + (start - left) * hop_length;
    synthesis_.waveform.insert(synthesis_.waveform.end(), first,
                               first + (stop - start) * hop_length);
  }

  Model& model_;
  const Request& request_;
  Synthesis synthesis_;
};

}  // namespace mobilespeech

// What a synthesis leaves behind: codes.bin and waveform.bin of devices/exchange.py.
#pragma once

#include <string>
#include <vector>

#include "report.h"
#include "synthesis.h"

namespace mobilespeech {

inline std::string to_json(const Synthesis& trial) {
  std::string stages;
  for (const auto& [stage, ms] : trial.stage_ms)
    stages += (stages.empty() ? "" : ",") + quoted(stage) + ":" + number(ms);
  return "{\"wall_ms\":" + number(trial.wall_ms) +
         ",\"first_audio_ms\":" + number(trial.first_audio_ms) +
         ",\"set_input_ms\":" + number(trial.set_input_ms) + ",\"stage_ms\":{" + stages + "}}";
}

// The codes of all sentences, one after the other, by channel, as little-endian int16.
inline void write_codes(const std::string& path, const Synthesis& synthesis) {
  std::vector<int16_t> codes;
  for (size_t channel = 0; channel < kChannels; channel++)
    for (const auto& sentence : synthesis.codes) {
      const size_t frames = sentence.size() / kChannels;
      const auto row = sentence.begin() + channel * frames;
      codes.insert(codes.end(), row, row + frames);
    }
  write_file(path, codes.data(), codes.size() * sizeof codes[0]);
}

inline void write_results(const std::string& folder, const Synthesis& synthesis) {
  write_codes(folder + "/codes.bin", synthesis);
  write_file(folder + "/waveform.bin", synthesis.waveform.data(),
             synthesis.waveform.size() * sizeof synthesis.waveform[0]);
}

}  // namespace mobilespeech

// What a run leaves behind: report.json, codes.bin and waveform.bin of devices/exchange.py.
#pragma once

#include <executorch/runtime/backend/interface.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "failure.h"
#include "synthesis.h"

namespace mobilespeech {

// What one process found: `devices.base.Repeat`, of which the synthesis is the last one.
struct Report {
  double load_ms = 0;
  double warm_load_ms = 0;
  long base_rss_bytes = 0;
  long load_peak_rss_bytes = 0;
  long peak_rss_bytes = 0;
  size_t planned_bytes = 0;
  size_t threads = 0;
  std::string affinity;  // processors that the process may use, as a hexadecimal mask
  std::vector<double> warmup_ms;
  std::vector<Synthesis> trials;      // without codes and waveform, save for the last
  std::vector<std::string> warnings;  // names of doubts
};

inline std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    char escape[8];
    snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned char>(c));
    const bool plain = static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
    out += plain ? std::string(1, c) : escape;
  }
  return out + "\"";
}

inline std::string number(double value) {
  char text[40];
  snprintf(text, sizeof text, "%.6f", value);
  return text;
}

template <typename T, typename F>
std::string list(const std::vector<T>& values, F to_json) {
  std::string out;
  for (const T& value : values) out += (out.empty() ? "" : ",") + to_json(value);
  return "[" + out + "]";
}

inline std::string to_json(const Synthesis& trial) {
  std::string stages;
  for (const auto& [stage, ms] : trial.stage_ms)
    stages += (stages.empty() ? "" : ",") + quoted(stage) + ":" + number(ms);
  return "{\"wall_ms\":" + number(trial.wall_ms) +
         ",\"first_audio_ms\":" + number(trial.first_audio_ms) +
         ",\"set_input_ms\":" + number(trial.set_input_ms) + ",\"stage_ms\":{" + stages + "}}";
}

inline std::vector<std::string> registered_backends() {
  std::vector<std::string> names;
  for (size_t i = 0; i < executorch::runtime::get_num_registered_backends(); i++) {
    const auto name = executorch::runtime::get_backend_name(i);
    if (name.ok()) names.emplace_back(*name);
  }
  return names;
}

inline std::string to_json(const Report& report) {
  return "{\"format\":1,\"load_ms\":" + number(report.load_ms) +
         ",\"warm_load_ms\":" + number(report.warm_load_ms) +
         ",\"base_rss_bytes\":" + std::to_string(report.base_rss_bytes) +
         ",\"load_peak_rss_bytes\":" + std::to_string(report.load_peak_rss_bytes) +
         ",\"peak_rss_bytes\":" + std::to_string(report.peak_rss_bytes) +
         ",\"planned_bytes\":" + std::to_string(report.planned_bytes) +
         ",\"threads\":" + std::to_string(report.threads) +
         ",\"affinity\":" + quoted(report.affinity) +
         ",\"backends\":" + list(registered_backends(), quoted) +
         ",\"warmup_ms\":" + list(report.warmup_ms, number) + ",\"trials\":" +
         list(report.trials, [](const Synthesis& trial) { return to_json(trial); }) +
         ",\"warnings\":" + list(report.warnings, quoted) + "}\n";
}

inline void write_file(const std::string& path, const void* data, size_t size) {
  FILE* file = fopen(path.c_str(), "wb");
  require(file != nullptr, Status::kWrite, path + " cannot be written: " + strerror(errno));
  const bool written = fwrite(data, 1, size, file) == size;
  const bool closed = fclose(file) == 0;
  require(written && closed, Status::kWrite, path + " cannot be written: " + strerror(errno));
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

inline void write_report(const std::string& folder, const Report& report) {
  const Synthesis& last = report.trials.back();
  write_codes(folder + "/codes.bin", last);
  write_file(folder + "/waveform.bin", last.waveform.data(),
             last.waveform.size() * sizeof last.waveform[0]);
  const std::string json = to_json(report);
  write_file(folder + "/report.json", json.data(), json.size());
}

}  // namespace mobilespeech

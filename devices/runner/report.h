// What every run leaves behind, whatever it ran: report.json. And what writes JSON and files.
#pragma once

#include <executorch/runtime/backend/interface.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "failure.h"

namespace mobilespeech {

// What one process found: `devices.base.ProcessFacts`, and the times of every iteration kept.
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
  std::vector<std::string> trials;    // as JSON
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
         ",\"warmup_ms\":" + list(report.warmup_ms, number) +
         ",\"trials\":" + list(report.trials, [](const std::string& trial) { return trial; }) +
         ",\"warnings\":" + list(report.warnings, quoted) + "}\n";
}

inline void write_file(const std::string& path, const void* data, size_t size) {
  FILE* file = fopen(path.c_str(), "wb");
  require(file != nullptr, Status::kWrite, path + " cannot be written: " + strerror(errno));
  const bool written = fwrite(data, 1, size, file) == size;
  const bool closed = fclose(file) == 0;
  require(written && closed, Status::kWrite, path + " cannot be written: " + strerror(errno));
}

inline void write_report(const std::string& folder, const Report& report) {
  const std::string json = to_json(report);
  write_file(folder + "/report.json", json.data(), json.size());
}

}  // namespace mobilespeech

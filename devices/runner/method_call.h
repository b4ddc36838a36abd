// One call of one method of any .pte: request, call, outputs; devices/method_job.py has the formats.
#pragma once

#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "clock.h"
#include "failure.h"
#include "model.h"
#include "report.h"

namespace mobilespeech {

struct Dtype {
  const char* name;
  ScalarType type;
  size_t bytes;
};

// As NumPy spells them.
constexpr Dtype kDtypes[] = {
    {"bool", ScalarType::Bool, 1},     {"uint8", ScalarType::Byte, 1},
    {"int8", ScalarType::Char, 1},     {"int16", ScalarType::Short, 2},
    {"int32", ScalarType::Int, 4},     {"int64", ScalarType::Long, 8},
    {"float16", ScalarType::Half, 2},  {"float32", ScalarType::Float, 4},
    {"float64", ScalarType::Double, 8}};

// What to call with what: `devices.method_job.MethodJob` without the model.
struct MethodRequest {
  std::string method;
  std::vector<std::vector<char>> data;
  std::vector<Array> inputs;  // they point into `data`
};

// Whether a request file asks for one method, and not for speech.
inline bool asks_for_method(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return std::getline(file, line) && line.rfind("method ", 0) == 0;
}

// The bytes of a tensor; `limit` + 1 where they are more than that, so that nothing overflows.
inline size_t bytes_of(const std::vector<SizesType>& sizes, size_t element, size_t limit) {
  for (const SizesType size : sizes)
    if (size == 0) return 0;
  size_t bytes = element;
  for (const SizesType size : sizes) {
    if (bytes > limit / static_cast<size_t>(size)) return limit + 1;
    bytes *= static_cast<size_t>(size);
  }
  return bytes;
}

// What a file holds; nothing where it is a pipe or a device.
inline size_t content_bytes(std::ifstream& file) {
  file.seekg(0, std::ios::end);
  const std::streamoff end = file.tellg();
  file.clear();
  file.seekg(0);
  return end < 0 ? 0 : static_cast<size_t>(end);
}

// Reads a request and the inputs that lie beside it.
inline MethodRequest read_method_request(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  std::ifstream file(path), content(folder + "inputs.bin", std::ios::binary);
  require(file.is_open() && content.is_open(), Status::kRequest, path + " does not open");
  size_t left_bytes = content_bytes(content);
  MethodRequest request;
  std::string line, key;
  std::getline(file, line);
  require(line == "format 1", Status::kRequest, path + " is not of format 1");
  while (std::getline(file, line)) {
    std::istringstream words(line);
    words >> key;
    if (key == "method") {
      words >> request.method;
      continue;
    }
    std::string name;
    words >> name;
    const Dtype* dtype = nullptr;
    for (const Dtype& known : kDtypes)
      if (name == known.name) dtype = &known;
    require(key == "input" && dtype, Status::kRequest, path + " has an unknown line: " + line);
    std::vector<SizesType> sizes;
    for (std::string word; words >> word;) {
      SizesType size{};
      const char* end = word.data() + word.size();
      const auto [rest, error] = std::from_chars(word.data(), end, size);
      require(error == std::errc() && rest == end && size >= 0, Status::kRequest,
              path + " has a size that cannot be: " + line);
      sizes.push_back(size);
    }
    const size_t bytes = bytes_of(sizes, dtype->bytes, left_bytes);
    require(bytes <= left_bytes, Status::kRequest,
            folder + "inputs.bin is too short for " + line);
    left_bytes -= bytes;
    std::vector<char> data(bytes);
    content.read(data.data(), static_cast<std::streamsize>(bytes));
    require(static_cast<size_t>(content.gcount()) == bytes, Status::kRequest,
            folder + "inputs.bin cannot be read");
    request.data.push_back(std::move(data));
    request.inputs.push_back({dtype->type, sizes, request.data.back().data()});
  }
  return request;
}

inline std::vector<std::string> method_names(const MethodRequest& request) {
  return {request.method};
}

// What one call gave and took; the outputs stay valid until the next call.
struct MethodCall {
  std::vector<Array> outputs;
  double wall_ms = 0;
  double set_input_ms = 0;
};

class MethodCaller {
 public:
  MethodCaller(Model& model, const MethodRequest& request) : model_(model), request_(request) {}

  MethodCall run() {
    const Clock clock;
    auto outputs = model_.call(request_.method, request_.inputs, 0);
    const double wall_ms = clock.elapsed_ms();
    return {std::move(outputs), wall_ms, model_.take_set_input_ms()};
  }

 private:
  Model& model_;
  const MethodRequest& request_;
};

inline std::string to_json(const MethodCall& call) {
  return "{\"wall_ms\":" + number(call.wall_ms) + ",\"set_input_ms\":" + number(call.set_input_ms) +
         "}";
}

// Writes outputs.bin, all outputs one after the other, and outputs.json, which describes them.
inline void write_results(const std::string& folder, const MethodCall& call) {
  std::string content;
  std::vector<std::string> described;
  for (const Array& output : call.outputs) {
    const Dtype* dtype = nullptr;
    for (const Dtype& known : kDtypes)
      if (output.type == known.type) dtype = &known;
    require(dtype != nullptr, Status::kSignature, "an output has an unknown type");
    size_t bytes = dtype->bytes;
    for (const SizesType size : output.sizes) bytes *= static_cast<size_t>(size);
    content.append(static_cast<const char*>(output.data), bytes);
    const auto to_text = [](SizesType size) { return std::to_string(size); };
    described.push_back("{\"dtype\":" + quoted(dtype->name) +
                        ",\"shape\":" + list(output.sizes, to_text) + "}");
  }
  const std::string json = list(described, [](const std::string& one) { return one; }) + "\n";
  write_file(folder + "/outputs.bin", content.data(), content.size());
  write_file(folder + "/outputs.json", json.data(), json.size());
}

}  // namespace mobilespeech

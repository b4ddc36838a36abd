// A double of ExecuTorch's executor_runner and, where its name has "qnn" in it, of
// qnn_executor_runner: their flags, their log lines and their exit statuses, on a real .pte.
#include <executorch/devtools/etdump/etdump_flatcc.h>
#include <executorch/extension/data_loader/file_data_loader.h>
#include <executorch/extension/memory_allocator/malloc_memory_allocator.h>
#include <executorch/runtime/executor/method.h>
#include <executorch/runtime/executor/program.h>
#include <executorch/runtime/platform/runtime.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace rt = executorch::runtime;
using executorch::aten::ScalarType;
using executorch::aten::Tensor;
using executorch::aten::TensorImpl;
using executorch::extension::FileDataLoader;
using executorch::extension::MallocMemoryAllocator;

namespace {

#define LOG(...) \
  (fprintf(stderr, "I 00:00:00.0 executorch:double.cpp:1] " __VA_ARGS__), fputc('\n', stderr))

[[noreturn]] void fail(const std::string& what) {
  fprintf(stderr, "E 00:00:00.0 executorch:double.cpp:1] %s\n", what.c_str());
  exit(1);
}

double now_ms() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

// gflags: --name value or --name=value; what is not declared is an error.
std::map<std::string, std::string> parse(int argc, char** argv,
                                         std::map<std::string, std::string> flags) {
  for (int i = 1; i < argc; i++) {
    std::string name = argv[i];
    if (name.rfind("--", 0) != 0) fail("Extra commandline args: " + name);
    name = name.substr(2);
    const auto equals = name.find('=');
    const std::string key = name.substr(0, equals);
    if (!flags.count(key)) {
      fprintf(stderr, "ERROR: unknown command line flag '%s'\n", key.c_str());
      exit(1);
    }
    if (equals == std::string::npos && i + 1 >= argc)
      fail("flag " + key + " is missing its argument");
    flags[key] = equals != std::string::npos ? name.substr(equals + 1) : argv[++i];
  }
  return flags;
}

void fill_with_ones(ScalarType type, std::vector<char>& bytes) {
  if (type == ScalarType::Float) {
    for (size_t i = 0; i < bytes.size() / 4; i++) reinterpret_cast<float*>(bytes.data())[i] = 1;
  } else if (type == ScalarType::Long) {
    for (size_t i = 0; i < bytes.size() / 8; i++) reinterpret_cast<int64_t*>(bytes.data())[i] = 1;
  } else {
    fail("an input is of an unknown type");
  }
}

struct Input {
  std::vector<TensorImpl::SizesType> sizes;
  std::vector<TensorImpl::DimOrderType> order;
  std::vector<char> bytes;
  ScalarType type;
};

void set_inputs(rt::Method& method, std::vector<Input>& inputs) {
  for (size_t i = 0; i < inputs.size(); i++) {
    Input& in = inputs[i];
    std::vector<TensorImpl::StridesType> strides(in.sizes.size());
    int stride = 1;
    for (size_t d = in.sizes.size(); d-- > 0; stride *= in.sizes[d]) strides[d] = stride;
    TensorImpl tensor(in.type, static_cast<ssize_t>(in.sizes.size()), in.sizes.data(),
                      in.bytes.data(), in.order.data(), strides.data());
    if (method.set_input(Tensor(&tensor), i) != rt::Error::Ok) fail("input is refused");
  }
}

}  // namespace

int main(int argc, char** argv) {
  rt::runtime_init();
  const bool qnn =
      strstr(strrchr(argv[0], '/') ? strrchr(argv[0], '/') : argv[0], "qnn") != nullptr;
  auto flags = qnn ? parse(argc, argv,
                           {{"model_path", "model.pte"},
                            {"method_index", "0"},
                            {"input_list_path", "input_list.txt"},
                            {"output_folder_path", "outputs"},
                            {"iteration", "1"},
                            {"warm_up", "0"},
                            {"etdump_path", "etdump.etdp"}})
                   : parse(argc, argv,
                           {{"model_path", "model.pte"},
                            {"method_name", ""},
                            {"num_executions", "1"},
                            {"print_output", "summary"},
                            {"cpu_threads", "-1"},
                            {"etdump_path", "model.etdump"}});
  const bool traced =
      flags["etdump_path"] != "etdump.etdp" && flags["etdump_path"] != "model.etdump";
  if (!qnn)
    LOG("Resetting threadpool with num threads = %d",
        std::max(1, atoi(flags["cpu_threads"].c_str())));

  const double begin_ms = now_ms();
  auto loader = FileDataLoader::from(flags["model_path"].c_str());
  if (!loader.ok()) fail("FileDataLoader::from() failed");
  const auto program = rt::Program::load(&*loader);
  if (!program.ok()) fail("Failed to parse model file " + flags["model_path"]);
  std::string name = flags["method_name"];
  if (qnn || name.empty()) {
    const auto found = program->get_method_name(atoi(flags["method_index"].c_str()));
    if (!found.ok()) fail("Program has no such method");
    name = *found;
  }
  LOG("Using method %s", name.c_str());
  const auto meta = program->method_meta(name.c_str());
  if (!meta.ok()) fail("Failed to get method_meta for " + name);

  std::vector<std::unique_ptr<uint8_t[]>> planned;
  std::vector<rt::Span<uint8_t>> spans;
  for (size_t id = 0; id < meta->num_memory_planned_buffers(); id++) {
    const auto size = static_cast<size_t>(*meta->memory_planned_buffer_size(id));
    LOG("Setting up CPU planned buffer %zu, size %zu.", id, size);
    planned.emplace_back(new uint8_t[size]);
    spans.emplace_back(planned.back().get(), size);
  }
  rt::HierarchicalAllocator hierarchical({spans.data(), spans.size()});
  MallocMemoryAllocator method_memory, temporary_memory;
  rt::MemoryManager manager(&method_memory, &hierarchical, &temporary_memory);
  executorch::etdump::ETDumpGen tracer;
  auto method = program->load_method(name.c_str(), &manager, traced ? &tracer : nullptr);
  if (!method.ok()) fail("Loading of method " + name + " failed");
  if (!qnn) LOG("Model loaded in %f ms.", now_ms() - begin_ms);

  std::vector<Input> inputs;
  for (size_t i = 0; i < meta->num_inputs(); i++) {
    const auto info = meta->input_tensor_meta(i);
    inputs.push_back({{info->sizes().begin(), info->sizes().end()},
                      {info->dim_order().begin(), info->dim_order().end()},
                      std::vector<char>(info->nbytes()),
                      info->scalar_type()});
    fill_with_ones(inputs.back().type, inputs.back().bytes);
  }

  if (qnn) {
    std::ifstream list(flags["input_list_path"]);
    if (!list.is_open()) fail("no input list");
    std::string line, path;
    std::getline(list, line);
    std::istringstream paths(line);
    size_t count = 0;
    for (; paths >> path; count++) {
      std::ifstream file(path, std::ios::binary | std::ios::ate);
      if (count >= inputs.size() || static_cast<size_t>(file.tellg()) != inputs[count].bytes.size())
        fail("Input size mismatch: " + path);
      file.seekg(0);
      file.read(inputs[count].bytes.data(),
                static_cast<std::streamsize>(inputs[count].bytes.size()));
    }
    if (count != inputs.size()) fail("Number of inputs mismatch with input files");
  }

  const int warm_up = qnn ? atoi(flags["warm_up"].c_str()) : 0;
  const int count = atoi(flags[qnn ? "iteration" : "num_executions"].c_str());
  for (int i = 0; i < warm_up; i++) {
    set_inputs(*method, inputs);
    if (method->execute() != rt::Error::Ok) fail("Execution of method failed");
  }
  double total_ms = 0;
  for (int i = 0; i < count; i++) {
    set_inputs(*method, inputs);
    const double start_ms = now_ms();
    if (method->execute() != rt::Error::Ok) fail("Execution of method " + name + " failed");
    const double took_ms = now_ms() - start_ms;
    total_ms += took_ms;
    if (!qnn) LOG("Iteration %d of %d: %f ms", i + 1, count, took_ms);
  }
  if (qnn)
    LOG("%d inference took %f ms, avg %f ms", count, total_ms, total_ms / count);
  else
    LOG("Model executed successfully %d time(s) in %f ms.", count, total_ms);

  if (traced) {
    const auto dump = tracer.get_etdump_data();
    std::ofstream file(flags["etdump_path"], std::ios::binary);
    file.write(static_cast<const char*>(dump.buf), static_cast<std::streamsize>(dump.size));
  }
  return 0;
}

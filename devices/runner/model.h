// A .pte with all its methods loaded, each with memory of its own.
#pragma once

#include <executorch/devtools/etdump/etdump_flatcc.h>
#include <executorch/extension/data_loader/mmap_data_loader.h>
#include <executorch/extension/memory_allocator/malloc_memory_allocator.h>
#include <executorch/runtime/executor/method.h>
#include <executorch/runtime/executor/program.h>
#include <sys/stat.h>

#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clock.h"
#include "failure.h"

namespace mobilespeech {

namespace runtime = executorch::runtime;
using executorch::aten::ScalarType;
using executorch::aten::SizesType;

// A dense tensor that someone else owns.
struct Array {
  ScalarType type;
  std::vector<SizesType> sizes;
  void* data;

  template <typename T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
};

inline Array array(std::vector<int64_t>& values, std::vector<SizesType> sizes) {
  return {ScalarType::Long, std::move(sizes), values.data()};
}

inline Array array(std::vector<float>& values, std::vector<SizesType> sizes) {
  return {ScalarType::Float, std::move(sizes), values.data()};
}

inline std::string describe(const std::string& what, runtime::Error error) {
  char code[24];
  snprintf(code, sizeof code, " (runtime error 0x%x)", static_cast<unsigned>(error));
  return what + code;
}

// XNNPACK's x86 kernels may leave the upper halves of vector registers in use; until they are
// cleared, SSE code like ours runs at half its speed.
inline void clear_upper_halves() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx")) asm volatile("vzeroupper");
#endif
}

// One method. Its outputs stay valid until its next call, whatever other methods do.
class Method {
 public:
  Method(const runtime::Program& program, const std::string& name, bool traced) : name_(name) {
    const auto meta = program.method_meta(name.c_str());
    require(meta.ok(), Status::kMethod, describe("the .pte has no method " + name, meta.error()));
    for (size_t i = 0; i < meta->num_memory_planned_buffers(); i++) {
      const auto size = meta->memory_planned_buffer_size(i);
      require(size.ok(), Status::kProgram, describe(name + " has no memory plan", size.error()));
      // Not a vector: zeros written over all of it would count as used memory.
      planned_.emplace_back(new uint8_t[*size]);
      spans_.emplace_back(planned_.back().get(), *size);
      planned_bytes_ += *size;
    }
    planned_allocator_.emplace(runtime::Span<runtime::Span<uint8_t>>{spans_.data(), spans_.size()});
    memory_.emplace(&method_allocator_, &*planned_allocator_, &temporary_allocator_);
    if (traced) tracer_.emplace();
    auto method = program.load_method(name.c_str(), &*memory_, traced ? &*tracer_ : nullptr);
    require(method.ok(), Status::kLoad, describe(name + " does not load", method.error()));
    method_.emplace(std::move(*method));
  }

  // Runs the method. Every input is set each time: the memory plan reuses their memory.
  std::vector<Array> call(const std::vector<Array>& inputs, size_t n_output, double& set_input_ms) {
    expect_count("inputs", method_->inputs_size(), inputs.size());
    const Clock clock;
    for (size_t i = 0; i < inputs.size(); i++) set_input(inputs[i], i);
    set_input_ms += clock.elapsed_ms();
    const auto error = method_->execute();
    clear_upper_halves();
    require(error == runtime::Error::Ok, Status::kExecute, describe(name_ + " fails", error));
    if (n_output > 0) expect_count("outputs", method_->outputs_size(), n_output);
    std::vector<Array> outputs;
    for (size_t i = 0; i < method_->outputs_size(); i++) outputs.push_back(output(i));
    return outputs;
  }

  size_t planned_bytes() const { return planned_bytes_; }

  // Forgets what was traced so far.
  void restart_trace() { tracer_->reset(); }

  // The trace as an ETDump, to be freed by the caller.
  executorch::etdump::ETDumpResult trace() { return tracer_->get_etdump_data(); }

 private:
  void expect_count(const char* what, size_t actual, size_t expected) const {
    require(actual == expected, Status::kSignature,
            name_ + " has " + std::to_string(actual) + " " + what + ", not " +
                std::to_string(expected));
  }

  void set_input(const Array& input, size_t index) {
    using executorch::aten::DimOrderType;
    using executorch::aten::StridesType;
    std::vector<SizesType> sizes = input.sizes;
    std::vector<DimOrderType> order(sizes.size());
    std::vector<StridesType> strides(sizes.size());
    StridesType stride = 1;
    for (size_t i = sizes.size(); i-- > 0;) {
      order[i] = static_cast<DimOrderType>(i);
      strides[i] = stride;
      stride *= sizes[i];
    }
    executorch::aten::TensorImpl tensor(input.type, static_cast<ssize_t>(sizes.size()),
                                        sizes.data(), input.data, order.data(), strides.data());
    const auto error = method_->set_input(executorch::aten::Tensor(&tensor), index);
    require(error == runtime::Error::Ok, Status::kInput,
            describe(name_ + " refuses input " + std::to_string(index) + " of shape " +
                         shape(input.sizes),
                     error));
  }

  Array output(size_t index) const {
    const runtime::EValue& value = method_->get_output(index);
    require(value.isTensor(), Status::kSignature,
            name_ + " returns no tensor as output " + std::to_string(index));
    const auto tensor = value.toTensor();
    const auto order = tensor.dim_order();
    for (size_t i = 0; i < order.size(); i++)
      require(order[i] == i, Status::kSignature,
              name_ + " returns output " + std::to_string(index) + " in another memory format");
    return {tensor.scalar_type(),
            {tensor.sizes().begin(), tensor.sizes().end()},
            tensor.mutable_data_ptr()};
  }

  static std::string shape(const std::vector<SizesType>& sizes) {
    std::string text;
    for (const SizesType size : sizes) text += (text.empty() ? "" : "x") + std::to_string(size);
    return text;
  }

  std::string name_;
  size_t planned_bytes_ = 0;
  std::vector<std::unique_ptr<uint8_t[]>> planned_;
  std::vector<runtime::Span<uint8_t>> spans_;
  std::optional<runtime::HierarchicalAllocator> planned_allocator_;
  executorch::extension::MallocMemoryAllocator method_allocator_, temporary_allocator_;
  std::optional<runtime::MemoryManager> memory_;
  std::optional<executorch::etdump::ETDumpGen> tracer_;
  std::optional<runtime::Method> method_;  // last: it uses all of the above until it is destroyed
};

// All methods of a .pte that a synthesis needs.
class Model {
 public:
  Model(const std::string& path, const std::vector<std::string>& names, bool traced)
      : loader_(open(path)), program_(parse(loader_, path)) {
    for (const std::string& name : names)
      methods_.emplace(name, std::make_unique<Method>(program_, name, traced));
  }

  // Runs one method; `n_output` 0 takes as many outputs as there are.
  std::vector<Array> call(const std::string& name, const std::vector<Array>& inputs,
                          size_t n_output = 1) {
    return methods_.at(name)->call(inputs, n_output, set_input_ms_);
  }

  // Milliseconds spent on setting inputs since the last call.
  double take_set_input_ms() { return std::exchange(set_input_ms_, 0.0); }

  const std::map<std::string, std::unique_ptr<Method>>& methods() const { return methods_; }

 private:
  using Loader = executorch::extension::MmapDataLoader;

  static Loader open(const std::string& path) {
    struct stat status;
    require(stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode), Status::kOpen,
            path + " is no file");
    auto loader = Loader::from(path.c_str(), Loader::MlockConfig::NoMlock);
    require(loader.ok(), Status::kOpen, describe(path + " does not open", loader.error()));
    return std::move(*loader);
  }

  static runtime::Program parse(Loader& loader, const std::string& path) {
    auto program =
        runtime::Program::load(&loader, runtime::Program::Verification::InternalConsistency);
    require(program.ok(), Status::kProgram,
            describe(path + " is no ExecuTorch program, or damaged", program.error()));
    return std::move(*program);
  }

  Loader loader_;
  runtime::Program program_;
  std::map<std::string, std::unique_ptr<Method>> methods_;
  double set_input_ms_ = 0;
};

}  // namespace mobilespeech

// What this process uses: memory, threads and processors.
#pragma once

#include <executorch/runtime/core/function_ref.h>
#include <malloc.h>
#include <sched.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "failure.h"

// The wheel lacks threadpool.h; these are the members of its library that the runner needs.
namespace executorch::extension::threadpool {
class ThreadPool final {
 public:
  size_t get_thread_count() const;
  bool _unsafe_reset_threadpool(uint32_t n_thread);
  void run(runtime::FunctionRef<void(size_t)> function, size_t count);
};
ThreadPool* get_threadpool();
}  // namespace executorch::extension::threadpool

namespace mobilespeech {

// A line of /proc/self/status in bytes: "VmRSS" is resident memory, "VmHWM" its peak.
inline long memory_bytes(const char* key) {
  FILE* file = fopen("/proc/self/status", "r");
  require(file != nullptr, Status::kMemory, "/proc/self/status cannot be read");
  char line[256];
  long kib = -1;
  while (fgets(line, sizeof line, file))
    if (strncmp(line, key, strlen(key)) == 0) kib = atol(line + strlen(key) + 1);
  fclose(file);
  require(kib >= 0, Status::kMemory, std::string("/proc/self/status has no ") + key);
  return kib * 1024;
}

// Makes "VmHWM" start again from what is resident now; false where the kernel does not allow it.
inline bool reset_peak_memory() {
  malloc_trim(0);
  FILE* file = fopen("/proc/self/clear_refs", "w");
  if (file == nullptr) return false;
  const bool written = fputs("5", file) >= 0;
  return fclose(file) == 0 && written;
}

// Keeps this process and the threads that it will start on the processors of a mask.
inline void set_affinity(unsigned long long mask) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int cpu = 0; cpu < 64; cpu++)
    if (mask >> cpu & 1) CPU_SET(cpu, &set);
  require(sched_setaffinity(0, sizeof set, &set) == 0, Status::kProcessor,
          std::string("the affinity mask is refused: ") + strerror(errno));
}

// The processors that this process may use.
inline cpu_set_t affinity() {
  cpu_set_t set;
  require(sched_getaffinity(0, sizeof set, &set) == 0, Status::kProcessor,
          std::string("the processors cannot be counted: ") + strerror(errno));
  return set;
}

// The first 64 of them as a hexadecimal mask.
inline std::string affinity_mask() {
  const cpu_set_t set = affinity();
  unsigned long long mask = 0;
  for (int cpu = 0; cpu < 64; cpu++)
    if (CPU_ISSET(cpu, &set)) mask |= 1ULL << cpu;
  char text[20];
  snprintf(text, sizeof text, "%llx", mask);
  return text;
}

// Gives the runtime n threads, 0 for one per processor that this process may use. To be called
// before any method is loaded: XNNPACK keeps the pool that it finds while it loads.
inline size_t set_threads(unsigned n_thread) {
  if (n_thread == 0) {
    const cpu_set_t set = affinity();
    n_thread = static_cast<unsigned>(CPU_COUNT(&set));
  }
  auto* pool = executorch::extension::threadpool::get_threadpool();
  require(pool != nullptr && pool->_unsafe_reset_threadpool(n_thread), Status::kProcessor,
          "the thread pool cannot be made");
  return pool->get_thread_count();
}

// Calls a function, which must not throw, with 0 to count - 1 on the runtime's threads.
inline void parallel_for(size_t count, executorch::runtime::FunctionRef<void(size_t)> function) {
  executorch::extension::threadpool::get_threadpool()->run(function, count);
}

}  // namespace mobilespeech

// Runs the whole synthesis on a .pte, or one method of any .pte, and reports times, memory, results.
//
// Needs the C++ libraries and headers of the PyPI wheel executorch 1.5.1 and nothing else: no
// Python, no torch, no NDK. devices/bundle.py compiles it; docs/runner.md describes its use.
#include <executorch/runtime/platform/runtime.h>

#include <charconv>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include "failure.h"
#include "method_call.h"
#include "model.h"
#include "process.h"
#include "report.h"
#include "request.h"
#include "speech.h"
#include "synthesis.h"

namespace mobilespeech {
namespace {

constexpr char kUsage[] =
    "usage: runner --model FILE.pte --request FILE --out FOLDER [--threads N] [--warmup N]"
    " [--iterations N] [--affinity HEXMASK] [--slower-percent N] [--profile]";

constexpr unsigned kMaxThreads = 256;

struct Options {
  std::string model, request, out;
  unsigned threads = 0;  // one per processor
  unsigned warmup = 1;
  unsigned iterations = 3;
  unsigned long long affinity = 0;  // as it is
  unsigned slower_percent = 0;
  bool profile = false;
};

template <typename T>
T parse(const std::string& text, int base) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, base);
  require(error == std::errc() && rest == end, Status::kUsage, kUsage);
  return value;
}

Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i++) {
    const std::string flag = argv[i];
    if (flag == "--profile") {
      options.profile = true;
      continue;
    }
    require(i + 1 < argc, Status::kUsage, kUsage);
    const std::string value = argv[++i];
    if (flag == "--model")
      options.model = value;
    else if (flag == "--request")
      options.request = value;
    else if (flag == "--out")
      options.out = value;
    else if (flag == "--threads")
      options.threads = parse<unsigned>(value, 10);
    else if (flag == "--warmup")
      options.warmup = parse<unsigned>(value, 10);
    else if (flag == "--iterations")
      options.iterations = parse<unsigned>(value, 10);
    else if (flag == "--affinity")
      options.affinity = parse<unsigned long long>(value, 16);
    else if (flag == "--slower-percent")
      options.slower_percent = parse<unsigned>(value, 10);
    else
      throw Failure(Status::kUsage, kUsage);
  }
  const bool complete = !options.model.empty() && !options.request.empty() && !options.out.empty();
  require(complete && options.iterations > 0 && options.threads <= kMaxThreads, Status::kUsage,
          kUsage);
  return options;
}

// Better now than after minutes of work.
void check_writable(const std::string& folder) { write_file(folder + "/report.json", "", 0); }

std::unique_ptr<Model> load(const Options& options, const std::vector<std::string>& names,
                            double& ms) {
  const Clock clock;
  auto model = std::make_unique<Model>(options.model, names, options.profile);
  ms = clock.elapsed_ms();
  return model;
}

// Runs a session once, then stays busy for a share of what that took, and counts it in: a slowdown
// of known size, to see whether comparisons find it.
template <typename Session>
auto run_slowed(Session& session, unsigned slower_percent) {
  auto found = session.run();
  const double delay_ms = found.wall_ms * slower_percent / 100;
  if (delay_ms > 0) {
    const Clock clock;
    while (clock.elapsed_ms() < delay_ms) {
    }
    found.wall_ms += clock.elapsed_ms();
  }
  return found;
}

// Runs a `Session` again and again: a `Synthesizer`, or a `MethodCaller`.
template <typename Session, typename Asked>
void measure(const Options& options, const Asked& request, size_t threads) {
  Report report;
  report.threads = threads;
  report.affinity = affinity_mask();
  report.base_rss_bytes = memory_bytes("VmRSS");
  const auto model = load(options, method_names(request), report.load_ms);
  report.load_peak_rss_bytes = memory_bytes("VmHWM");
  for (const auto& [name, method] : model->methods())
    report.planned_bytes += method->planned_bytes();
  // And away with it, so that it is not in the peak below.
  load(options, method_names(request), report.warm_load_ms);
  if (!reset_peak_memory()) report.warnings.push_back("LOAD_IN_PEAK");
  Session session(*model, request);
  const auto run = [&] { return run_slowed(session, options.slower_percent); };
  for (unsigned i = 0; i < options.warmup; i++) report.warmup_ms.push_back(run().wall_ms);
  decltype(run()) last;
  for (unsigned i = 0; i < options.iterations; i++) {
    last = {};
    last = run();
    report.trials.push_back(to_json(last));
  }
  report.peak_rss_bytes = memory_bytes("VmHWM");
  write_results(options.out, last);
  write_report(options.out, report);
}

// Traces one iteration after the warm-up. Apart from `measure`: recording slows operators down.
template <typename Session, typename Asked>
void profile(const Options& options, const Asked& request) {
  double load_ms;
  const auto model = load(options, method_names(request), load_ms);
  Session session(*model, request);
  for (unsigned i = 0; i < options.warmup; i++) session.run();
  for (const auto& [name, method] : model->methods()) method->restart_trace();
  session.run();
  for (const auto& [name, method] : model->methods()) {
    const auto trace = method->trace();
    const std::unique_ptr<void, decltype(&free)> owner(trace.buf, free);
    write_file(options.out + "/" + name + ".etdump", trace.buf, trace.size);
  }
  const std::string json = "{\"format\":1}\n";
  write_file(options.out + "/report.json", json.data(), json.size());
}

template <typename Session, typename Asked>
void serve(const Options& options, const Asked& request) {
  check_writable(options.out);
  if (options.affinity != 0) set_affinity(options.affinity);
  executorch::runtime::runtime_init();
  const size_t threads = set_threads(options.threads);
  if (options.profile) {
    profile<Session>(options, request);
  } else {
    measure<Session>(options, request, threads);
  }
}

void run(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  if (asks_for_method(options.request)) {
    serve<MethodCaller>(options, read_method_request(options.request));
  } else {
    serve<Synthesizer>(options, RequestReader(options.request).read());
  }
}

int report_failure(Status status, const std::string& what) {
  printf("{\"error\":%s,\"what\":%s}\n", quoted(name(status)).c_str(), quoted(what).c_str());
  return static_cast<int>(status);
}

}  // namespace
}  // namespace mobilespeech

int main(int argc, char** argv) {
  using namespace mobilespeech;
  try {
    run(argc, argv);
  } catch (const Failure& failure) {
    return report_failure(failure.status, failure.what());
  } catch (const std::bad_alloc&) {
    return report_failure(Status::kMemory, "out of memory");
  } catch (const std::length_error&) {  // of a container: more than there are addresses
    return report_failure(Status::kMemory, "out of memory: a size is beyond all bounds");
  } catch (const std::exception& error) {
    return report_failure(Status::kInternal, error.what());
  }
  puts("{\"ok\":true}");
  return 0;
}

// How the runner fails: one exit status and one name per kind of error.
#pragma once

#include <stdexcept>
#include <string>

namespace mobilespeech {

// docs/runner.md and devices/runner_call.py list the same.
enum class Status {
  kUsage = 2,       // the command line
  kOpen = 3,        // the .pte does not open
  kProgram = 4,     // the .pte is no program, or not all of one
  kMethod = 5,      // the .pte lacks a method
  kSignature = 6,   // a method takes or returns something else than it should
  kLoad = 7,        // a method does not load: an operator, a backend or memory is missing
  kRequest = 8,     // the request file
  kInput = 9,       // a method refuses an input
  kExecute = 10,    // a method fails while it runs
  kWrite = 11,      // a result cannot be written
  kLength = 12,     // the predicted speech is longer than the model allows
  kProcessor = 13,  // the threads or the processors asked for cannot be had
  kMemory = 14,     // out of memory
  kInternal = 15,   // an error that none of the above names: a bug of the runner
};

inline const char* name(Status status) {
  switch (status) {
    case Status::kUsage:
      return "usage";
    case Status::kOpen:
      return "open";
    case Status::kProgram:
      return "program";
    case Status::kMethod:
      return "method";
    case Status::kSignature:
      return "signature";
    case Status::kLoad:
      return "load";
    case Status::kRequest:
      return "request";
    case Status::kInput:
      return "input";
    case Status::kExecute:
      return "execute";
    case Status::kWrite:
      return "write";
    case Status::kLength:
      return "length";
    case Status::kProcessor:
      return "processor";
    case Status::kMemory:
      return "memory";
    case Status::kInternal:
      return "internal";
  }
  return "unknown";
}

struct Failure : std::runtime_error {
  Failure(Status status, const std::string& what) : std::runtime_error(what), status(status) {}

  Status status;
};

inline void require(bool condition, Status status, const std::string& what) {
  if (!condition) throw Failure(status, what);
}

}  // namespace mobilespeech

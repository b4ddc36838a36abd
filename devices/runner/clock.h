// Elapsed time.
#pragma once

#include <chrono>

namespace mobilespeech {

class Clock {
 public:
  double elapsed_ms() const {
    return std::chrono::duration<double, std::milli>(Steady::now() - start_).count();
  }

 private:
  using Steady = std::chrono::steady_clock;

  Steady::time_point start_ = Steady::now();
};

}  // namespace mobilespeech

// Status: how every native call below the binding reports failure. No exception crosses a layer boundary,
// so a status carries its own text: what happened, the values involved, what to do.
#pragma once
#include <cstdarg>
#include <cstdio>

namespace pt {

enum class Code : int {
  ok = 0,
  invalid_argument,  // wrong shape, dtype, parameter: the caller's description is wrong
  out_of_range,      // a value found in the data (a token id, say) is outside its range
  out_of_memory,
  disposed,       // the object was disposed before the call
  unavailable,    // this build or host lacks what the call needs
  not_run,        // a plan before it failed, so this one was skipped
  device_failed,  // the device reported an error it cannot recover from, or is gone
  internal,
};

struct [[nodiscard]] Status {
  Code code = Code::ok;
  char message[256] = {0};

  bool ok() const { return code == Code::ok; }

  static Status success() { return {}; }

  /// printf-style; text beyond 255 bytes is cut.
  __attribute__((format(printf, 2, 3))) static Status error(Code code, const char* format, ...) {
    Status s;
    s.code = code;
    va_list args;
    va_start(args, format);
    std::vsnprintf(s.message, sizeof s.message, format, args);
    va_end(args);
    return s;
  }
};

}  // namespace pt

/// Leave the function with an invalid_argument status unless the condition holds.
#define PT_CHECK(condition, ...)                                                             \
  do {                                                                                       \
    if (!(condition)) return ::pt::Status::error(::pt::Code::invalid_argument, __VA_ARGS__); \
  } while (0)

// FUZZ_REQUIRE: what a fuzz target promises of a result. A broken promise ends the process, which libFuzzer reports
// with the input that caused it.
#pragma once
#include <cstdio>
#include <cstdlib>

#define FUZZ_REQUIRE(condition, ...)                                               \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: broken: %s: ", __FILE__, __LINE__, #condition); \
      std::fprintf(stderr, __VA_ARGS__);                                           \
      std::fputc('\n', stderr);                                                    \
      std::abort();                                                                \
    }                                                                              \
  } while (0)

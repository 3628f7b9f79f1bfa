// Fiber: a stack of its own that runs until it switches to another. One CUDA thread each.
#pragma once
#include <cstddef>
#if !defined(__x86_64__) || defined(SIMT_UCONTEXT)
#define SIMT_FIBER_UCONTEXT 1
#include <ucontext.h>
#endif

namespace simt {

class Fiber {
 public:
  Fiber() = default;  // of the OS thread that is running already
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// The next switch to this fiber begins in `entry`, which never returns. Whatever the fiber did before is dropped
  /// without unwinding.
  void begin(void (*entry)());

  /// Goes on in `to`; returns when something switches back to `from`. A fiber that is `done` never does.
  static void switch_to(Fiber& from, Fiber& to, bool done = false);

  /// For the trampoline: the first thing that runs on a new stack.
  static void enter();

 private:
  void arrived();

  unsigned char* stack_ = nullptr;  // null: the OS thread's own
  void (*entry_)() = nullptr;
#ifdef SIMT_FIBER_UCONTEXT
  ucontext_t context_;
#else
  void* stack_pointer_ = nullptr;
#endif
  // What AddressSanitizer wants to know at each switch.
  void* fake_stack_ = nullptr;
  const void* bottom_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace simt

#include "simt/fiber.h"

#include <sys/mman.h>

#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define SIMT_ASAN 1
#endif

namespace simt {

static constexpr size_t kStack = 256 * 1024, kGuard = 4096;
// The last switch that this OS thread made.
static __thread Fiber* t_from __attribute__((tls_model("initial-exec")));
static __thread Fiber* t_to __attribute__((tls_model("initial-exec")));

#ifndef SIMT_FIBER_UCONTEXT
// Saves the registers that a call must preserve, swaps stacks, restores. 28 ns with the scheduler around it, where
// swapcontext takes 250 (it sets the signal mask each time).
extern "C" void simt_switch_stack(void** save, void* load);
extern "C" char simt_enter_fiber[];
asm(R"(.text
.globl simt_switch_stack
.type simt_switch_stack,@function
simt_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp,(%rdi)
  movq %rsi,%rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size simt_switch_stack,.-simt_switch_stack
.globl simt_enter_fiber
.type simt_enter_fiber,@function
simt_enter_fiber:
  subq $8,%rsp
  call simt_fiber_main
.size simt_enter_fiber,.-simt_enter_fiber
)");
#endif

Fiber::~Fiber() {
  if (stack_) munmap(stack_, kGuard + kStack);
}

void Fiber::begin(void (*entry)()) {
  if (!stack_) {
    void* p =
        mmap(nullptr, kGuard + kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) std::abort();
    stack_ = static_cast<unsigned char*>(p);
    mprotect(stack_, kGuard, PROT_NONE);
    bottom_ = stack_ + kGuard;
    bytes_ = kStack;
  }
#ifdef SIMT_ASAN
  ASAN_UNPOISON_MEMORY_REGION(bottom_, bytes_);  // the fiber before never unwound: its red zones are still there
#endif
  fake_stack_ = nullptr;
  entry_ = entry;
#ifdef SIMT_FIBER_UCONTEXT
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_ + kGuard;
  context_.uc_stack.ss_size = kStack;
  context_.uc_link = nullptr;
  makecontext(&context_, &Fiber::enter, 0);
#else
  void** top = reinterpret_cast<void**>(stack_ + kGuard + kStack);
  *--top = nullptr;  // keeps the stack 16-byte aligned at the call in simt_enter_fiber
  *--top = simt_enter_fiber;
  for (int i = 0; i < 6; i++) *--top = nullptr;
  stack_pointer_ = top;
#endif
}

void Fiber::arrived() {
#ifdef SIMT_ASAN
  const void* bottom;
  size_t bytes;
  __sanitizer_finish_switch_fiber(fake_stack_, &bottom, &bytes);
  t_from->bottom_ = bottom;
  t_from->bytes_ = bytes;
#endif
}

void Fiber::enter() {
  t_to->arrived();
  t_to->entry_();
  std::abort();
}

extern "C" void simt_fiber_main() { Fiber::enter(); }

void Fiber::switch_to(Fiber& from, Fiber& to, [[maybe_unused]] bool done) {
  t_from = &from;
  t_to = &to;
#ifdef SIMT_ASAN
  __sanitizer_start_switch_fiber(done ? nullptr : &from.fake_stack_, to.bottom_, to.bytes_);
#endif
#ifdef SIMT_FIBER_UCONTEXT
  swapcontext(&from.context_, &to.context_);
#else
  simt_switch_stack(&from.stack_pointer_, to.stack_pointer_);
#endif
  from.arrived();
}

}  // namespace simt

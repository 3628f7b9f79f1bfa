// Checker: watches every memory access of a kernel for races, bounds, alignment and uninitialised reads. What it
// reports is wrong by CUDA's rules, whether or not this run's numbers show it.
#pragma once
#include <string>

#include "simt/block.h"
#include "simt/memory.h"
#include "simt/shadow.h"

namespace simt {

class Checker {
 public:
  Checker(Block& block, SharedMemory& shared);

  void begin_block();

  /// Any load or store of the running thread; memory of its own (its stack, its arguments) is none of our business.
  void access(const void* p, size_t bytes, bool write, const void* site);

  void read_shared(const Thread& t, const void* p, size_t bytes, const void* site);
  void read_global(const Thread& t, const void* p, size_t bytes, const void* site);
  void atomic(const Thread& t, const void* p, size_t bytes, const void* site);
  void copy_started(const Thread& t, const void* to, size_t bytes, const void* site);
  void copy_landed(const Thread& t, const void* to, size_t bytes, const void* site);

 private:
  struct Request {  // one access
    const Thread& thread;
    const void* address;
    size_t bytes;
    bool write;
    Epoch now;  // by the thread, or atomically
    const void* site;
  };

  void shared(const Request& r, uint8_t new_state);
  void global(const Request& r);
  void check_spans(const Request& r);
  void check_between_blocks(GlobalCell& cell, const Request& r);
  void update(Cell& cell, const Request& r);
  bool ordered(const Epoch& before, const Thread& t) const;
  Request request(const Thread& t, const void* p, size_t bytes, bool write, By by, const void* site) const;

  [[noreturn]] void report_race(const Request& r, const Access& other, bool other_wrote);
  [[noreturn]] void report_between_blocks(const Request& r, const Access& other, bool other_wrote);
  [[noreturn]] void report_outside(const Request& r);
  [[noreturn]] void report_outside_spans(const Request& r);
  std::string describe_address(const void* p) const;

  Block& block_;
  SharedMemory& shared_memory_;
  DeviceMemory& memory_;
  GlobalShadow& global_shadow_;
  SharedShadow shared_shadow_;
  uint32_t first_block_;  // of this launch
  uint32_t this_block_;
  size_t last_span_ = 0;  // where the last access lay: most often the next one does too
};

}  // namespace simt

// Streams, events and graphs. What is put into a stream is not done at once but when somebody waits for it: host code
// that reads a result, or frees memory, without waiting gets it wrong here as it would on a device.
#pragma once
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "simt/kernel_launch.h"
#include "simt/machine.h"

namespace simt {

/// Returns a cudaError_t; anything but 0 is the end of the machine.
using Operation = std::function<int(Machine&)>;

struct Stream;

struct Event {
  std::chrono::steady_clock::time_point time;
  Stream* stream = nullptr;  // where it was recorded last, until that is done
  int pending = 0;           // records that are not done
  bool recorded = false;
};

struct Graph {
  std::vector<Operation> operations;
};

struct Stream {
  explicit Stream(std::shared_ptr<Machine> machine);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Takes an operation in, or records it when the stream is being captured.
  int put(Operation operation);
  /// Does the first operation; false when there was none.
  bool step();
  /// Does all there is; the machine's error.
  int drain();

  const std::shared_ptr<Machine> machine;
  std::deque<Operation> operations;
  std::vector<Span> spans;         // see allow()
  std::unique_ptr<Graph> capture;  // while capturing
  bool capture_failed = false;
};

/// All streams of the process, default streams too.
std::vector<Stream*>& streams();
void drain_all();

}  // namespace simt

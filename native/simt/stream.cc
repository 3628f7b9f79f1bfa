#include "simt/stream.h"

namespace simt {

int Stream::put(Operation operation) {
  if (machine->error != 0) return machine->error;
  if (capture)
    capture->operations.push_back(std::move(operation));
  else
    operations.push_back(std::move(operation));
  return 0;
}

bool Stream::step() {
  if (operations.empty()) return false;
  const Operation operation = std::move(operations.front());
  operations.pop_front();
  if (machine->error == 0) machine->error = operation(*machine);
  return true;
}

int Stream::drain() {
  while (step()) {
  }
  return machine->error;
}

std::vector<Stream*>& streams() {
  static auto* all = new std::vector<Stream*>;
  return *all;
}

int drain_all() {
  int first = 0;
  for (Stream* stream : streams()) {
    const int error = stream->drain();
    if (first == 0) first = error;
  }
  return first;
}

}  // namespace simt

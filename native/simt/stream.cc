#include "simt/stream.h"

#include <algorithm>

namespace simt {

std::vector<Stream*>& streams() {
  static auto* all = new std::vector<Stream*>;
  return *all;
}

Stream::Stream(std::shared_ptr<Machine> machine) : machine(std::move(machine)) {
  const std::lock_guard<std::recursive_mutex> lock(machine_lock());
  streams().push_back(this);
}

Stream::~Stream() {
  const std::lock_guard<std::recursive_mutex> lock(machine_lock());
  auto& all = streams();
  all.erase(std::find(all.begin(), all.end(), this));
}

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

void drain_all() {
  for (Stream* stream : streams()) stream->drain();
}

}  // namespace simt

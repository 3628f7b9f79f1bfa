#include "simt/machine.h"

#include "simt/cuda_runtime.h"
#include "simt/stream.h"

namespace simt {

static thread_local std::shared_ptr<Machine> t_machine;

const std::shared_ptr<Machine>& machine() {
  if (!t_machine) t_machine = std::make_shared<Machine>();
  return t_machine;
}

const char* configure(const char* options) {
  auto fresh = std::make_shared<Machine>();
  if (const char* problem = parse(options, fresh->options)) return problem;
  t_machine = std::move(fresh);
  return nullptr;
}

void adopt(Stream* stream) { t_machine = stream->machine; }

std::recursive_mutex& machine_lock() {
  static auto* lock = new std::recursive_mutex;
  return *lock;
}

}  // namespace simt

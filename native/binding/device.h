// The JavaScript class Device: regions, plans and the queue of one device. Regions and plans are known to JavaScript
// by number; a number that was freed or never given is an error, not a crash.
#pragma once
#include <napi.h>

#include <atomic>
#include <functional>
#include <memory>
#include <unordered_map>

#include "binding/completions.h"
#include "core/backend.h"
#include "core/queue.h"

namespace pt::binding {

class Device : public Napi::ObjectWrap<Device> {
 public:
  static void define(Napi::Env env, Napi::Object exports);

  /// new Device({ kind: 'cpu', folder, level, threads }) or
  /// new Device({ kind: 'cuda' | 'cuda-emu', folder, index, cublaslt, emulator })
  explicit Device(const Napi::CallbackInfo& info);
  ~Device() override;

 private:
  Napi::Value info(const Napi::CallbackInfo& info);
  Napi::Value allocate(const Napi::CallbackInfo& info);
  Napi::Value free_region(const Napi::CallbackInfo& info);
  Napi::Value create_plan(const Napi::CallbackInfo& info);
  Napi::Value free_plan(const Napi::CallbackInfo& info);
  Napi::Value record(const Napi::CallbackInfo& info);
  Napi::Value describe(const Napi::CallbackInfo& info);
  Napi::Value run(const Napi::CallbackInfo& info);
  Napi::Value write(const Napi::CallbackInfo& info);
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value memory(const Napi::CallbackInfo& info);
  Napi::Value reserve(const Napi::CallbackInfo& info);
  Napi::Value time_ops(const Napi::CallbackInfo& info);
  Napi::Value choices(const Napi::CallbackInfo& info);
  Napi::Value restore_choices(const Napi::CallbackInfo& info);
  Napi::Value measure_ceilings(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  struct PlanRecord {
    std::shared_ptr<Plan> plan;
    bool sealed = false;  // it was run, so it may be running: recording is over
  };

  void require_open(Napi::Env env) const;
  std::shared_ptr<Region> region_at(Napi::Env env, double id) const;
  PlanRecord& plan_at(Napi::Env env, double id);
  TensorRequest tensor_request(const Napi::Value& value, const std::string& what) const;
  /// Work that may end after it returns: it calls `done` when it has.
  using Work = std::function<void(Backend::Done done)>;
  /// Queues `work`; the promise resolves to what `value` makes once it has ended.
  Napi::Value enqueue(Work work, std::function<Napi::Value(Napi::Env)> value = nullptr,
                      std::function<void()> failed = nullptr);
  Napi::Value enqueue_now(std::function<Status()> work, std::function<Napi::Value(Napi::Env)> value = nullptr);
  void shut_down();
  static void at_exit(void* device);

  std::unique_ptr<Backend> backend_;
  Completions* completions_ = nullptr;  // owned by its channel; null once shut down
  std::unique_ptr<Queue> queue_;
  std::unordered_map<uint32_t, std::shared_ptr<Region>> regions_;
  std::unordered_map<uint32_t, PlanRecord> plans_;
  // Plans that failed, as the device has seen it and as JavaScript has: a plan that was queued in between is not run.
  // So a whole step can be queued at once, and an update never follows a micro-batch that failed.
  std::shared_ptr<std::atomic<uint64_t>> failures_ = std::make_shared<std::atomic<uint64_t>>(0);
  uint64_t failures_seen_ = 0;
  uint32_t next_id_ = 1;
  napi_env env_;
};

}  // namespace pt::binding

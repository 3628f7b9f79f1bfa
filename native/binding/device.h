// The JavaScript class Device: regions, plans and the queue of one device. Regions and plans are known to JavaScript
// by number; a number that was freed or never given is an error, not a crash.
#pragma once
#include <napi.h>

#include <functional>
#include <memory>
#include <unordered_map>

#include "binding/completions.h"
#include "core/plan.h"
#include "core/queue.h"
#include "cpu/cpu_backend.h"

namespace pt::binding {

class Device : public Napi::ObjectWrap<Device> {
 public:
  static void define(Napi::Env env, Napi::Object exports);

  /// new Device({ folder, level, threads })
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
  /// Queues `work`; the promise resolves to what `value` makes once it has run.
  Napi::Value enqueue(std::function<Status()> work, std::function<Napi::Value(Napi::Env)> value = nullptr);
  void shut_down();
  static void at_exit(void* device);

  std::unique_ptr<CpuBackend> backend_;
  Completions* completions_ = nullptr;  // owned by its channel; null once shut down
  std::unique_ptr<Queue> queue_;
  std::unordered_map<uint32_t, std::shared_ptr<Region>> regions_;
  std::unordered_map<uint32_t, PlanRecord> plans_;
  uint32_t next_id_ = 1;
  napi_env env_;
};

}  // namespace pt::binding

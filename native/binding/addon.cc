// What the addon exports. Everything else in native/ knows nothing of Node.
#include <napi.h>

#include "binding/convert.h"
#include "binding/create_backend.h"
#include "binding/describe.h"
#include "binding/device.h"
#include "binding/file_lock.h"
#include "binding/tokenizer.h"
#include "core/pool.h"
#include "cpu/cpu_backend.h"

namespace pt::binding {

/// Raised whenever the exports change shape; lib/native/load.ts refuses an addon of another number.
constexpr int kAddonAbi = 4;

static Napi::Value cpu_levels(const Napi::CallbackInfo& info) {
  const auto levels = pt::cpu_levels();
  Napi::Array out = Napi::Array::New(info.Env(), levels.size());
  for (size_t i = 0; i < levels.size(); i++) {
    Napi::Object level = Napi::Object::New(info.Env());
    level.Set("name", levels[i].name);
    level.Set("supported", Napi::Boolean::New(info.Env(), levels[i].supported));
    out.Set(static_cast<uint32_t>(i), level);
  }
  return out;
}

static Napi::Value allowed_threads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), pt::allowed_threads());
}

static Napi::Value describe_cuda(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  cuda::Probe probe;
  throw_if_failed(env, probe_cuda(to_object(info[0], "options"), probe));
  Napi::Array devices = Napi::Array::New(env, probe.devices.size());
  for (size_t i = 0; i < probe.devices.size(); i++) {
    const cuda::FoundDevice& found = probe.devices[i];
    Napi::Object device = Napi::Object::New(env);
    device.Set("name", found.name);
    device.Set("capability", std::to_string(found.major) + "." + std::to_string(found.minor));
    device.Set("memoryBytes", found.memory_bytes);
    devices.Set(static_cast<uint32_t>(i), device);
  }
  Napi::Object out = Napi::Object::New(env);
  out.Set("driverVersion", probe.driver_version);
  out.Set("runtimeVersion", probe.runtime_version);
  out.Set("devices", devices);
  out.Set("problem", probe.problem);
  out.Set("products", probe.products);
  return out;
}

static Napi::Value ops(const Napi::CallbackInfo& info) { return describe_ops(info.Env()); }

static Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("abi", kAddonAbi);
  exports.Set("version", PT_VERSION);
  exports.Set("cpuLevels", Napi::Function::New(env, cpu_levels, "cpuLevels"));
  exports.Set("allowedThreads", Napi::Function::New(env, allowed_threads, "allowedThreads"));
  exports.Set("probeCuda", Napi::Function::New(env, describe_cuda, "probeCuda"));
  exports.Set("ops", Napi::Function::New(env, ops, "ops"));
  Device::define(env, exports);
  FileLock::define(env, exports);
  register_tokenizer(env, exports);
  return exports;
}

NODE_API_MODULE(patchtrain, initialise)

}  // namespace pt::binding

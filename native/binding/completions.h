// Completions: how a job on a device's queue settles a promise on the JavaScript thread.
// One thread-safe function per device, referenced only while something is under way: an idle device does not keep
// the process alive, a busy one does.
#pragma once
#include <napi.h>

#include <functional>

#include "core/status.h"

namespace pt::binding {

/// A promise under way. Created and destroyed on the JavaScript thread; the job fills in `status`.
struct Pending {
  Pending(Napi::Object owner) : deferred(Napi::Promise::Deferred::New(owner.Env())), owner(Napi::Persistent(owner)) {}
  Napi::Promise::Deferred deferred;
  Napi::ObjectReference owner;  // the device cannot be collected while it works
  Status status;
  /// Called on the JavaScript thread just before the promise is rejected; may be empty.
  std::function<void()> failed;
  /// Makes the value the promise resolves to; undefined when empty.
  std::function<Napi::Value(Napi::Env)> value;
};

class Completions {
 public:
  /// Deleted by close(), after what was already settled has been delivered.
  static Completions* create(Napi::Env env);

  /// On the JavaScript thread, before the job is queued.
  void begin();
  /// From any thread, once for each begin(): settles and deletes `pending`.
  void settle(Pending* pending);
  /// On the JavaScript thread, when no job can settle any more. Do not touch the object afterwards.
  void close();

 private:
  explicit Completions(Napi::Env env) : env_(env) {}
  static void on_javascript_thread(napi_env env, napi_value, void* context, void* data);

  napi_env env_;
  napi_threadsafe_function function_ = nullptr;
  int under_way_ = 0;
};

}  // namespace pt::binding

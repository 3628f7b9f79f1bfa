#include "binding/completions.h"

#include "binding/convert.h"

namespace pt::binding {

Completions* Completions::create(Napi::Env env) {
  auto* self = new Completions(env);
  const Napi::String name = Napi::String::New(env, "patchtrain.completions");
  const auto delete_self = [](napi_env, void* data, void*) { delete static_cast<Completions*>(data); };
  const napi_status status = napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, self, delete_self, self,
                                                             on_javascript_thread, &self->function_);
  if (status != napi_ok) {
    delete self;
    throw Napi::Error::New(env, "cannot create the completion channel of a device");
  }
  napi_unref_threadsafe_function(env, self->function_);
  return self;
}

void Completions::begin() {
  if (under_way_++ == 0) napi_ref_threadsafe_function(env_, function_);
}

void Completions::settle(Pending* pending) {
  // Fails only while the environment is being torn down; then nobody is left to hear of it.
  napi_call_threadsafe_function(function_, pending, napi_tsfn_nonblocking);
}

void Completions::close() { napi_release_threadsafe_function(function_, napi_tsfn_release); }

static void settle_on_javascript_thread(Napi::Env env, Pending& pending) {
  try {
    try {
      if (pending.status.ok())
        pending.deferred.Resolve(pending.value ? pending.value(env) : env.Undefined());
      else {
        if (pending.failed) pending.failed();
        pending.deferred.Reject(to_error(env, pending.status).Value());
      }
    } catch (const Napi::Error& error) {
      pending.deferred.Reject(error.Value());  // the result could not be made: no memory for it, say
    }
  } catch (const Napi::Error&) {
    // The environment is being torn down and refuses everything; nobody waits any more.
  }
}

void Completions::on_javascript_thread(napi_env raw_env, napi_value, void* context, void* data) {
  auto* pending = static_cast<Pending*>(data);
  if (!raw_env) return;  // torn down: its handles are gone, deleting them would touch a dead environment
  Napi::Env env(raw_env);
  Napi::HandleScope scope(env);
  auto* self = static_cast<Completions*>(context);
  settle_on_javascript_thread(env, *pending);
  delete pending;
  if (--self->under_way_ == 0) napi_unref_threadsafe_function(raw_env, self->function_);
}

}  // namespace pt::binding

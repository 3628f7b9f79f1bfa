#include "binding/describe.h"

#include "ops/registry.h"

namespace pt::binding {

static Napi::Object describe_tensor(Napi::Env env, const TensorView& view) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("dtype", name_of(view.dtype));
  Napi::Array shape = Napi::Array::New(env, view.rank);
  for (int i = 0; i < view.rank; i++) shape.Set(i, static_cast<double>(view.shape[i]));
  out.Set("shape", shape);
  return out;
}

static Napi::Object describe_entry(Napi::Env env, const PlanEntry& entry) {
  const OpDef& op = *entry.command.op;
  Napi::Object out = Napi::Object::New(env), tensors = Napi::Object::New(env), params = Napi::Object::New(env);
  for (int i = 0; i < op.tensor_count; i++)
    if (entry.command.has(i)) tensors.Set(op.tensors[i].name, describe_tensor(env, entry.command.tensor(i)));
  for (int i = 0; i < op.param_count; i++) params.Set(op.params[i].name, entry.command.params[i]);
  out.Set("op", op.name);
  out.Set("tensors", tensors);
  out.Set("params", params);
  out.Set("flops", entry.cost.flops);
  out.Set("bytes", entry.cost.bytes);
  out.Set("nanoseconds", static_cast<double>(entry.nanoseconds.load()));
  out.Set("runs", static_cast<double>(entry.runs.load()));
  return out;
}

Napi::Object describe_plan(Napi::Env env, const Plan& plan) {
  Napi::Object out = Napi::Object::New(env);
  Napi::Array entries = Napi::Array::New(env, plan.entries().size());
  for (size_t i = 0; i < plan.entries().size(); i++)
    entries.Set(static_cast<uint32_t>(i), describe_entry(env, *plan.entries()[i]));
  out.Set("label", plan.label());
  out.Set("workspaceBytes", static_cast<double>(plan.workspace_bytes()));
  out.Set("entries", entries);
  return out;
}

static const char* name_of(Access access) {
  return access == Access::read ? "read" : access == Access::write ? "write" : "update";
}

Napi::Array describe_ops(Napi::Env env) {
  const OpList ops = all_ops();
  Napi::Array out = Napi::Array::New(env, ops.count);
  for (int i = 0; i < ops.count; i++) {
    const OpDef& op = *ops.defs[i];
    Napi::Array tensors = Napi::Array::New(env, op.tensor_count), params = Napi::Array::New(env, op.param_count);
    for (int j = 0; j < op.tensor_count; j++) {
      Napi::Object slot = Napi::Object::New(env);
      slot.Set("name", op.tensors[j].name);
      slot.Set("dtype", pt::name_of(op.tensors[j].type));
      slot.Set("rank", op.tensors[j].rank);
      slot.Set("access", name_of(op.tensors[j].access));
      slot.Set("optional", Napi::Boolean::New(env, op.tensors[j].optional));
      tensors.Set(j, slot);
    }
    for (int j = 0; j < op.param_count; j++) {
      Napi::Object slot = Napi::Object::New(env);
      slot.Set("name", op.params[j].name);
      slot.Set("integer", Napi::Boolean::New(env, op.params[j].integer));
      slot.Set("min", op.params[j].min);
      slot.Set("max", op.params[j].max);
      params.Set(j, slot);
    }
    Napi::Object described = Napi::Object::New(env);
    described.Set("name", op.name);
    described.Set("tensors", tensors);
    described.Set("params", params);
    out.Set(i, described);
  }
  return out;
}

}  // namespace pt::binding

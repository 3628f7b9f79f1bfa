// Plans and ops as JavaScript objects: what a plan's table and the property tests are made from.
#pragma once
#include <napi.h>

#include "core/plan.h"

namespace pt::binding {

/// { label, workspaceBytes, entries: [{ op, tensors, params, flops, bytes, nanoseconds, runs }] }
Napi::Object describe_plan(Napi::Env env, const Plan& plan);

/// [{ name, tensors: [{ name, dtype, rank, access, optional }], params: [{ name, integer, min, max }] }]
Napi::Array describe_ops(Napi::Env env);

}  // namespace pt::binding

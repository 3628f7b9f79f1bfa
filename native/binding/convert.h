// From JavaScript values to C++ ones, and from a Status to an Error. Everything that JavaScript passes comes
// through here; a wrong type throws a TypeError that names the argument.
#pragma once
#include <napi.h>

#include <string>

#include "core/status.h"

namespace pt::binding {

Napi::Error to_error(Napi::Env env, const Status& status);

/// Throws when the status is an error.
void throw_if_failed(Napi::Env env, const Status& status);

[[noreturn]] void throw_type_error(Napi::Env env, const std::string& what, const char* expected);

double to_number(const Napi::Value& value, const std::string& what);
/// A whole number in 0 … 2^53.
double to_count(const Napi::Value& value, const std::string& what);
std::string to_string(const Napi::Value& value, const std::string& what);
Napi::Object to_object(const Napi::Value& value, const std::string& what);

}  // namespace pt::binding

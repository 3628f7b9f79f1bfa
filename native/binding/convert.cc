#include "binding/convert.h"

#include <cmath>

namespace pt::binding {

static const char* code_of(Code code) {
  switch (code) {
    case Code::ok:
      return "OK";
    case Code::invalid_argument:
      return "ERR_INVALID_ARGUMENT";
    case Code::out_of_range:
      return "ERR_OUT_OF_RANGE";
    case Code::out_of_memory:
      return "ERR_OUT_OF_MEMORY";
    case Code::disposed:
      return "ERR_DISPOSED";
    case Code::unavailable:
      return "ERR_UNAVAILABLE";
    case Code::not_run:
      return "ERR_NOT_RUN";
    case Code::device_failed:
      return "ERR_DEVICE_FAILED";
    case Code::internal:
      return "ERR_INTERNAL";
  }
  return "ERR_INTERNAL";
}

Napi::Error to_error(Napi::Env env, const Status& status) {
  Napi::Error error = Napi::Error::New(env, status.message);
  error.Set("code", Napi::String::New(env, code_of(status.code)));
  return error;
}

void throw_if_failed(Napi::Env env, const Status& status) {
  if (!status.ok()) throw to_error(env, status);
}

void throw_type_error(Napi::Env env, const std::string& what, const char* expected) {
  Napi::Error error = Napi::TypeError::New(env, what + " must be " + expected);
  error.Set("code", Napi::String::New(env, code_of(Code::invalid_argument)));
  throw error;
}

double to_number(const Napi::Value& value, const std::string& what) {
  if (!value.IsNumber()) throw_type_error(value.Env(), what, "a number");
  return value.As<Napi::Number>().DoubleValue();
}

double to_count(const Napi::Value& value, const std::string& what) {
  const double number = to_number(value, what);
  if (!(number >= 0 && number <= 9007199254740992.0 && std::floor(number) == number))
    throw_type_error(value.Env(), what, "a whole number that is not negative");
  return number;
}

std::string to_string(const Napi::Value& value, const std::string& what) {
  if (!value.IsString()) throw_type_error(value.Env(), what, "a string");
  return value.As<Napi::String>().Utf8Value();
}

Napi::Object to_object(const Napi::Value& value, const std::string& what) {
  if (!value.IsObject()) throw_type_error(value.Env(), what, "an object");
  return value.As<Napi::Object>();
}

}  // namespace pt::binding

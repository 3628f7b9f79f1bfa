#include "binding/device.h"

#include <cstring>

#include "binding/convert.h"
#include "binding/create_backend.h"
#include "binding/describe.h"
#include "ops/registry.h"

namespace pt::binding {

constexpr double kMaxTransfer = 1 << 30;  // bytes one read or write may move; callers cut longer ones into pieces

void Device::define(Napi::Env env, Napi::Object exports) {
  exports.Set("Device", DefineClass(env, "Device",
                                    {
                                        InstanceMethod("info", &Device::info),
                                        InstanceMethod("allocate", &Device::allocate),
                                        InstanceMethod("freeRegion", &Device::free_region),
                                        InstanceMethod("createPlan", &Device::create_plan),
                                        InstanceMethod("freePlan", &Device::free_plan),
                                        InstanceMethod("record", &Device::record),
                                        InstanceMethod("describe", &Device::describe),
                                        InstanceMethod("run", &Device::run),
                                        InstanceMethod("write", &Device::write),
                                        InstanceMethod("read", &Device::read),
                                        InstanceMethod("memory", &Device::memory),
                                        InstanceMethod("reserve", &Device::reserve),
                                        InstanceMethod("choices", &Device::choices),
                                        InstanceMethod("restoreChoices", &Device::restore_choices),
                                        InstanceMethod("measureCeilings", &Device::measure_ceilings),
                                        InstanceMethod("timeOps", &Device::time_ops),
                                        InstanceMethod("dispose", &Device::dispose),
                                    }));
}

Device::Device(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Device>(info), env_(info.Env()) {
  throw_if_failed(env_, create_backend(to_object(info[0], "options"), backend_));
  completions_ = Completions::create(env_);
  queue_ = std::make_unique<Queue>();
  napi_add_env_cleanup_hook(env_, at_exit, this);
}

Device::~Device() {
  if (completions_) napi_remove_env_cleanup_hook(env_, at_exit, this);
  shut_down();
}

void Device::at_exit(void* device) { static_cast<Device*>(device)->shut_down(); }

/// Joins the queue's thread; what was waiting is rejected. Idempotent.
void Device::shut_down() {
  if (!completions_) return;
  queue_->stop();
  backend_.reset();  // waits for what is under way on the device, which settles through the channel closed next
  completions_->close();
  completions_ = nullptr;
}

void Device::require_open(Napi::Env env) const {
  if (!completions_) throw to_error(env, Status::error(Code::disposed, "the device was disposed"));
}

std::shared_ptr<Region> Device::region_at(Napi::Env env, double id) const {
  const auto found = regions_.find(static_cast<uint32_t>(id));
  if (id > UINT32_MAX || found == regions_.end())
    throw to_error(env, Status::error(Code::disposed, "region %.0f does not exist on this device, or was freed", id));
  return found->second;
}

Device::PlanRecord& Device::plan_at(Napi::Env env, double id) {
  const auto found = plans_.find(static_cast<uint32_t>(id));
  if (id > UINT32_MAX || found == plans_.end())
    throw to_error(env, Status::error(Code::disposed, "plan %.0f does not exist on this device, or was freed", id));
  return found->second;
}

Napi::Value Device::enqueue(Work work, std::function<Napi::Value(Napi::Env)> value, std::function<void()> failed) {
  auto* pending = new Pending(Value());
  pending->value = std::move(value);
  pending->failed = std::move(failed);
  const Napi::Promise promise = pending->deferred.Promise();
  completions_->begin();
  queue_->push([pending, work = std::move(work), completions = completions_](bool cancelled) {
    const auto done = [pending, completions](const Status& status) {
      pending->status = status;
      completions->settle(pending);
    };
    if (cancelled)
      done(Status::error(Code::disposed, "the device was disposed before it came to this"));
    else
      work(done);
  });
  return promise;
}

Napi::Value Device::enqueue_now(std::function<Status()> work, std::function<Napi::Value(Napi::Env)> value) {
  return enqueue([work = std::move(work)](const Backend::Done& done) { done(work()); }, std::move(value));
}

Napi::Value Device::info(const Napi::CallbackInfo& info) {
  require_open(info.Env());
  const DeviceFacts facts = backend_->facts();
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("kind", facts.kind);
  out.Set("name", facts.name);
  out.Set("threads", facts.threads);
  out.Set("compute", name_of(facts.compute));
  out.Set("notes", facts.notes);
  return out;
}

Napi::Value Device::memory(const Napi::CallbackInfo& info) {
  require_open(info.Env());
  const DeviceMemory memory = backend_->memory();
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("free", memory.free);
  out.Set("total", memory.total);
  return out;
}

Napi::Value Device::reserve(const Napi::CallbackInfo& info) {
  const double bytes = to_count(info[0], "bytes");
  require_open(info.Env());
  return enqueue_now([backend = backend_.get(), n = static_cast<size_t>(bytes)] { return backend->reserve(n); });
}

Napi::Value Device::time_ops(const Napi::CallbackInfo& info) {
  require_open(info.Env());
  return enqueue_now([backend = backend_.get(), on = info[0].ToBoolean().Value()] { return backend->time_ops(on); });
}

/// On the queue: the choices are made while plans run.
Napi::Value Device::choices(const Napi::CallbackInfo& info) {
  require_open(info.Env());
  auto text = std::make_shared<std::string>();
  return enqueue_now(
      [backend = backend_.get(), text] {
        *text = backend->choices();
        return Status::success();
      },
      [text](Napi::Env env) -> Napi::Value { return Napi::String::New(env, *text); });
}

Napi::Value Device::restore_choices(const Napi::CallbackInfo& info) {
  require_open(info.Env());
  return enqueue_now(
      [backend = backend_.get(), text = to_string(info[0], "choices")] { return backend->restore(text); });
}

Napi::Value Device::allocate(const Napi::CallbackInfo& info) {
  const double bytes = to_count(info[0], "bytes");
  require_open(info.Env());
  std::shared_ptr<Region> region;
  throw_if_failed(info.Env(), backend_->allocate(static_cast<size_t>(bytes), region));
  regions_.emplace(next_id_, std::move(region));
  return Napi::Number::New(info.Env(), next_id_++);
}

Napi::Value Device::free_region(const Napi::CallbackInfo& info) {
  const double id = to_count(info[0], "region");
  if (id <= UINT32_MAX) regions_.erase(static_cast<uint32_t>(id));
  return info.Env().Undefined();
}

Napi::Value Device::create_plan(const Napi::CallbackInfo& info) {
  std::string label = to_string(info[0], "label");
  require_open(info.Env());
  plans_.emplace(next_id_, PlanRecord{std::make_shared<Plan>(std::move(label)), false});
  return Napi::Number::New(info.Env(), next_id_++);
}

Napi::Value Device::free_plan(const Napi::CallbackInfo& info) {
  const double id = to_count(info[0], "plan");
  if (id <= UINT32_MAX) plans_.erase(static_cast<uint32_t>(id));
  return info.Env().Undefined();
}

TensorRequest Device::tensor_request(const Napi::Value& value, const std::string& what) const {
  Napi::Env env = value.Env();
  const Napi::Object tensor = to_object(value, what);
  const double region = to_count(tensor.Get("region"), what + ".region");
  TensorRequest request;
  request.offset = to_count(tensor.Get("offset"), what + ".offset");
  const std::string dtype = to_string(tensor.Get("dtype"), what + ".dtype");
  bool known = false;
  for (DType candidate : {DType::f32, DType::bf16, DType::f64, DType::i32})
    if (dtype == name_of(candidate)) request.dtype = candidate, known = true;
  if (!known) throw_type_error(env, what + ".dtype", "'f32', 'bf16', 'f64' or 'i32'");
  const Napi::Value shape = tensor.Get("shape");
  if (!shape.IsArray()) throw_type_error(env, what + ".shape", "an array of numbers");
  const uint32_t rank = shape.As<Napi::Array>().Length();
  if (rank > kMaxRank) throw_type_error(env, what + ".shape", "an array of at most 4 numbers");
  for (uint32_t i = 0; i < rank; i++)
    request.shape.push_back(to_number(shape.As<Napi::Array>().Get(i), what + ".shape[" + std::to_string(i) + "]"));
  request.region = region_at(env, region);  // last: reading the properties may have run JavaScript that freed it
  return request;
}

/// Refuses names that the op does not have: a misspelt optional slot must not pass unnoticed.
static void refuse_unknown(Napi::Env env, const Napi::Object& given, const char* op, const char* kind,
                           const std::function<bool(const std::string&)>& known) {
  const Napi::Array names = given.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); i++) {
    const std::string name = names.Get(i).ToString().Utf8Value();
    if (!known(name))
      throw to_error(env, Status::error(Code::invalid_argument, "%s has no %s named '%.60s'", op, kind, name.c_str()));
  }
}

Napi::Value Device::record(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const double id = to_count(info[0], "plan");
  const std::string name = to_string(info[1], "op");
  const Napi::Object tensors = to_object(info[2], "tensors"), params = to_object(info[3], "params");
  const OpDef* op = find_op(name.c_str());
  if (!op) throw to_error(env, Status::error(Code::invalid_argument, "there is no op named '%.60s'", name.c_str()));
  refuse_unknown(env, tensors, op->name, "tensor", [op](const std::string& key) {
    for (int i = 0; i < op->tensor_count; i++)
      if (key == op->tensors[i].name) return true;
    return false;
  });
  refuse_unknown(env, params, op->name, "parameter", [op](const std::string& key) {
    for (int i = 0; i < op->param_count; i++)
      if (key == op->params[i].name) return true;
    return false;
  });

  std::vector<TensorRequest> requests(op->tensor_count);
  for (int i = 0; i < op->tensor_count; i++) {
    const Napi::Value value = tensors.Get(op->tensors[i].name);
    if (!value.IsUndefined()) requests[i] = tensor_request(value, std::string(op->name) + "." + op->tensors[i].name);
  }
  std::vector<double> values(op->param_count);
  for (int i = 0; i < op->param_count; i++)
    values[i] = to_number(params.Get(op->params[i].name), std::string(op->name) + "." + op->params[i].name);

  require_open(env);
  PlanRecord& record = plan_at(env, id);
  if (record.sealed)
    throw to_error(env, Status::error(Code::invalid_argument, "the plan has been run; record into a new one"));
  throw_if_failed(env, record.plan->record(*op, requests, values, backend_->needs()));
  return env.Undefined();
}

Napi::Value Device::describe(const Napi::CallbackInfo& info) {
  const double id = to_count(info[0], "plan");
  return describe_plan(info.Env(), *plan_at(info.Env(), id).plan);
}

Napi::Value Device::run(const Napi::CallbackInfo& info) {
  const double id = to_count(info[0], "plan");
  require_open(info.Env());
  PlanRecord& record = plan_at(info.Env(), id);
  record.sealed = true;
  const auto work = [backend = backend_.get(), plan = record.plan, failures = failures_,
                     seen = failures_seen_](const Backend::Done& done) {
    if (*failures != seen) {
      // Not counted: JavaScript will hear of the failure that this one follows from.
      done(Status::error(Code::not_run, "'%.80s' was not run: a plan before it failed", plan->label().c_str()));
      return;
    }
    backend->run(plan, [done, failures](const Status& status) {
      if (!status.ok()) ++*failures;
      done(status);
    });
  };
  return enqueue(work, nullptr, [this] { failures_seen_ = *failures_; });
}

Napi::Value Device::write(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const double id = to_count(info[0], "region"), offset = to_count(info[1], "offset");
  if (!info[2].IsTypedArray()) throw_type_error(env, "data", "a typed array");
  const auto array = info[2].As<Napi::TypedArray>();
  const size_t bytes = array.ByteLength();
  if (bytes > kMaxTransfer) throw_type_error(env, "data", "at most 1 GiB; write it in pieces");
  require_open(env);
  std::shared_ptr<Region> region = region_at(env, id);
  if (offset + static_cast<double>(bytes) > static_cast<double>(region->bytes()))
    throw to_error(env, Status::error(Code::invalid_argument, "a write ends at byte %.0f of a region of %zu bytes",
                                      offset + static_cast<double>(bytes), region->bytes()));
  // Copied now: JavaScript may change or detach the array before the queue comes to it.
  std::shared_ptr<uint8_t[]> copy(new uint8_t[bytes + 1]);
  if (bytes) std::memcpy(copy.get(), static_cast<uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset(), bytes);
  return enqueue(
      [backend = backend_.get(), region, copy, bytes, at = static_cast<size_t>(offset)](const Backend::Done& done) {
        backend->write(region, at, copy.get(), bytes, [copy, done](const Status& status) { done(status); });
      });
}

Napi::Value Device::read(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const double id = to_count(info[0], "region"), offset = to_count(info[1], "offset"),
               bytes = to_count(info[2], "bytes");
  if (bytes > kMaxTransfer) throw_type_error(env, "bytes", "at most 1 GiB; read it in pieces");
  require_open(env);
  std::shared_ptr<Region> region = region_at(env, id);
  if (offset + bytes > static_cast<double>(region->bytes()))
    throw to_error(env, Status::error(Code::invalid_argument, "a read ends at byte %.0f of a region of %zu bytes",
                                      offset + bytes, region->bytes()));
  // Nobody else knows the buffer until the promise resolves, so the queue's thread may fill it.
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, static_cast<size_t>(bytes));
  auto reference = std::make_shared<Napi::Reference<Napi::ArrayBuffer>>(Napi::Persistent(buffer));
  void* target = buffer.Data();
  return enqueue_now([backend = backend_.get(), region, target, at = static_cast<size_t>(offset),
                      n = static_cast<size_t>(bytes)] { return backend->read(*region, at, target, n); },
                     [reference](Napi::Env) -> Napi::Value { return reference->Value(); });
}

Napi::Value Device::measure_ceilings(const Napi::CallbackInfo& info) {
  require_open(info.Env());
  auto result = std::make_shared<Ceilings>();
  return enqueue_now([backend = backend_.get(), result] { return backend->measure_ceilings(*result); },
                     [result](Napi::Env env) -> Napi::Value {
                       Napi::Object out = Napi::Object::New(env);
                       out.Set("flopsPerSecond", result->flops_per_second);
                       out.Set("bytesPerSecond", result->bytes_per_second);
                       return out;
                     });
}

Napi::Value Device::dispose(const Napi::CallbackInfo& info) {
  if (completions_) napi_remove_env_cleanup_hook(env_, at_exit, this);
  shut_down();
  plans_.clear();
  regions_.clear();
  return info.Env().Undefined();
}

}  // namespace pt::binding

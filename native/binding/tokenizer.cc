#include "binding/tokenizer.h"

#include <cstring>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "binding/convert.h"

namespace pt::binding {

// Marks our objects, so that model_of() never takes another class's native half for ours.
static constexpr napi_type_tag kTokenizerTag = {0x8c5e3f1d70a94b26, 0x91d7f2c0b64e4a83};

constexpr double kMaxThreads = 1024;

static Status no_memory(const char* what) {
  return Status::error(Code::out_of_memory, "no memory to %s; free some, or pass less text at once", what);
}

template <class Array>
static Array to_array(const Napi::Value& value, const char* what, napi_typedarray_type type, const char* expected) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
    throw_type_error(value.Env(), what, expected);
  return value.As<Array>();
}

/// 0 … 2^31 − 1.
static int32_t to_id(const Napi::Value& value, const char* what) {
  const double id = to_count(value, what);
  if (id > INT32_MAX) throw_type_error(value.Env(), what, "a token id");
  return static_cast<int32_t>(id);
}

static bool to_flag(const Napi::Value& value, const char* what) {
  if (!value.IsBoolean()) throw_type_error(value.Env(), what, "true or false");
  return value.As<Napi::Boolean>().Value();
}

// --- BpeTokenizer

struct BpeTokenizer::Bulk {
  Bulk(Napi::Env env, std::shared_ptr<const BpeModel> model)
      : encoder(std::move(model)), completions(Completions::create(env)) {}

  BulkEncoder encoder;
  Completions* completions;  // owned by its channel
  Queue queue;               // last: its thread ends before what it uses
};

Napi::Function BpeTokenizer::define(Napi::Env env) {
  return DefineClass(env, "BpeTokenizer",
                     {
                         InstanceMethod("encode", &BpeTokenizer::encode),
                         InstanceMethod("encodeBatch", &BpeTokenizer::encode_batch),
                         InstanceMethod("decode", &BpeTokenizer::decode),
                         InstanceMethod("piece", &BpeTokenizer::piece),
                         InstanceMethod("size", &BpeTokenizer::size),
                         InstanceMethod("dispose", &BpeTokenizer::dispose),
                     });
}

BpeTokenizer::BpeTokenizer(const Napi::CallbackInfo& info) : Napi::ObjectWrap<BpeTokenizer>(info), env_(info.Env()) {
  const Napi::Object o = to_object(info[0], "options");
  // All properties first: a getter is foreign code and might detach a buffer that was looked at before.
  const Napi::Value text_bytes = o.Get("texts"), piece_types = o.Get("types"), piece_lengths = o.Get("lengths"),
                    piece_scores = o.Get("scores"), bos = o.Get("bosId"), eos = o.Get("eosId"),
                    dummy_prefix = o.Get("dummyPrefix");
  const auto texts = to_array<Napi::Uint8Array>(text_bytes, "options.texts", napi_uint8_array, "a Uint8Array");
  const auto types = to_array<Napi::Uint8Array>(piece_types, "options.types", napi_uint8_array, "a Uint8Array");
  const auto lengths =
      to_array<Napi::Uint32Array>(piece_lengths, "options.lengths", napi_uint32_array, "a Uint32Array");
  const auto scores =
      to_array<Napi::Float32Array>(piece_scores, "options.scores", napi_float32_array, "a Float32Array");
  const size_t n = lengths.ElementLength();
  if (types.ElementLength() != n || scores.ElementLength() != n)
    throw_type_error(env_, "options.types and options.scores", "as long as options.lengths");

  BpeSpec spec;
  spec.bos = to_id(bos, "options.bosId");
  spec.eos = to_id(eos, "options.eosId");
  spec.dummy_prefix = to_flag(dummy_prefix, "options.dummyPrefix");
  std::string_view rest(reinterpret_cast<const char*>(texts.Data()), texts.ElementLength());
  try {
    spec.pieces.reserve(n);
    for (size_t i = 0; i < n; ++i) {
      const uint32_t length = lengths[i];
      if (length > rest.size()) throw_type_error(env_, "options.texts", "as long as all options.lengths together");
      spec.pieces.push_back({rest.substr(0, length), scores[i], static_cast<PieceType>(types[i])});
      rest.remove_prefix(length);
    }
    throw_if_failed(env_, BpeModel::create(spec, &model_));
  } catch (const std::bad_alloc&) {
    throw to_error(env_, no_memory("load a tokenizer"));
  }
  info.This().As<Napi::Object>().TypeTag(&kTokenizerTag);
  napi_add_env_cleanup_hook(env_, at_exit, this);
}

BpeTokenizer::~BpeTokenizer() {
  if (model_) napi_remove_env_cleanup_hook(env_, at_exit, this);
  shut_down();
}

void BpeTokenizer::at_exit(void* self) { static_cast<BpeTokenizer*>(self)->shut_down(); }

/// Ends the bulk work; what was waiting is rejected. Idempotent.
void BpeTokenizer::shut_down() {
  if (bulk_) {
    bulk_->encoder.cancel();
    bulk_->queue.stop();
    bulk_->completions->close();
  }
  bulk_.reset();
  encoder_.reset();
  model_.reset();
}

void BpeTokenizer::require_open(Napi::Env env) const {
  if (!model_) throw to_error(env, Status::error(Code::disposed, "the tokenizer was disposed; load it again"));
}

std::shared_ptr<const BpeModel> BpeTokenizer::model_of(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTokenizerTag))
    throw_type_error(value.Env(), "tokenizer", "a BpeTokenizer");
  BpeTokenizer* self = Unwrap(value.As<Napi::Object>());
  self->require_open(value.Env());
  return self->model_;
}

Napi::Value BpeTokenizer::encode(const Napi::CallbackInfo& info) {
  require_open(env_);
  const bool bos = to_flag(info[1], "bos"), eos = to_flag(info[2], "eos");
  std::vector<int32_t> ids;
  try {
    const std::string text = to_string(info[0], "text");
    if (text.size() > Encoder::kMaxBytes) throw_type_error(env_, "text", "at most 512 MiB of UTF-8");
    if (!encoder_) encoder_ = std::make_unique<Encoder>(model_);
    if (bos) ids.push_back(model_->bos());
    encoder_->append(text, true, ids);
    if (eos) ids.push_back(model_->eos());
  } catch (const std::bad_alloc&) {
    throw to_error(env_, no_memory("encode a text"));
  }
  Napi::Int32Array result = Napi::Int32Array::New(env_, ids.size());
  if (!ids.empty()) std::memcpy(result.Data(), ids.data(), ids.size() * sizeof(int32_t));
  return result;
}

Napi::Value BpeTokenizer::encode_batch(const Napi::CallbackInfo& info) {
  struct Job {
    std::vector<std::string> texts;
    BulkEncoder::Options options;
    EncodedDocuments documents;
  };
  require_open(env_);
  const auto job = std::make_shared<Job>();
  if (!info[0].IsArray()) throw_type_error(env_, "texts", "an array of strings");
  const auto texts = info[0].As<Napi::Array>();
  job->options.bos = to_flag(info[1], "bos");
  job->options.eos = to_flag(info[2], "eos");
  const double threads = to_count(info[3], "threads");
  if (threads < 1 || threads > kMaxThreads) throw_type_error(env_, "threads", "a number in 1 … 1024");
  job->options.threads = static_cast<int>(threads);
  try {
    for (uint32_t i = 0; i < texts.Length(); ++i) {
      const Napi::HandleScope scope(env_);
      job->texts.push_back(to_string(texts.Get(i), "every text"));
    }
    require_open(env_);  // again: reading an element may run a getter
    if (!bulk_) bulk_ = std::make_unique<Bulk>(env_, model_);
  } catch (const std::bad_alloc&) {
    throw to_error(env_, no_memory("copy the texts of a batch"));
  } catch (const std::system_error& e) {
    throw to_error(env_, Status::error(Code::unavailable, "cannot start the tokenizer's thread: %s", e.what()));
  }

  auto* const pending = new Pending(Value());
  const Napi::Promise promise = pending->deferred.Promise();
  pending->value = [job](Napi::Env env) -> Napi::Value {
    Napi::Int32Array ids = Napi::Int32Array::New(env, job->documents.tokens());
    Napi::Int32Array offsets = Napi::Int32Array::New(env, job->documents.documents() + 1);
    job->documents.copy_to(ids.Data(), offsets.Data());
    Napi::Object result = Napi::Object::New(env);
    result.Set("ids", ids);
    result.Set("offsets", offsets);
    return result;
  };
  Bulk* const bulk = bulk_.get();
  bulk->completions->begin();
  bulk->queue.push([bulk, job, pending](bool) {
    pending->status = bulk->encoder.encode(job->texts, job->options, &job->documents);
    bulk->completions->settle(pending);
  });
  return promise;
}

Napi::Value BpeTokenizer::decode(const Napi::CallbackInfo& info) {
  require_open(env_);
  const auto ids = to_array<Napi::Int32Array>(info[0], "ids", napi_int32_array, "an Int32Array");
  Decoder decoder(model_);
  std::string text;
  try {
    for (size_t i = 0; i < ids.ElementLength(); ++i) throw_if_failed(env_, decoder.push(ids[i], text));
    decoder.end(text);
  } catch (const std::bad_alloc&) {
    throw to_error(env_, no_memory("decode ids"));
  }
  return Napi::String::New(env_, text);
}

Napi::Value BpeTokenizer::piece(const Napi::CallbackInfo& info) {
  require_open(env_);
  const int32_t id = to_id(info[0], "id");
  if (id >= model_->size())
    throw to_error(
        env_, Status::error(Code::out_of_range, "token id %d is outside the vocabulary of %d", id, model_->size()));
  return Napi::String::New(env_, model_->piece(id));
}

Napi::Value BpeTokenizer::size(const Napi::CallbackInfo&) {
  require_open(env_);
  return Napi::Number::New(env_, model_->size());
}

Napi::Value BpeTokenizer::dispose(const Napi::CallbackInfo& info) {
  if (model_) napi_remove_env_cleanup_hook(env_, at_exit, this);
  shut_down();
  return info.Env().Undefined();
}

// --- BpeDecoder

Napi::Function BpeDecoder::define(Napi::Env env) {
  return DefineClass(env, "BpeDecoder",
                     {InstanceMethod("push", &BpeDecoder::push), InstanceMethod("end", &BpeDecoder::end)});
}

BpeDecoder::BpeDecoder(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<BpeDecoder>(info), decoder_(std::make_unique<Decoder>(BpeTokenizer::model_of(info[0]))) {}

Napi::Value BpeDecoder::push(const Napi::CallbackInfo& info) {
  std::string text;
  throw_if_failed(info.Env(), decoder_->push(to_id(info[0], "id"), text));
  return Napi::String::New(info.Env(), text);
}

Napi::Value BpeDecoder::end(const Napi::CallbackInfo& info) {
  std::string text;
  decoder_->end(text);
  return Napi::String::New(info.Env(), text);
}

void register_tokenizer(Napi::Env env, Napi::Object exports) {
  exports.Set("BpeTokenizer", BpeTokenizer::define(env));
  exports.Set("BpeDecoder", BpeDecoder::define(env));
}

}  // namespace pt::binding

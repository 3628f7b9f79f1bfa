// The JavaScript classes BpeTokenizer and BpeDecoder.
#pragma once
#include <napi.h>

#include <memory>

#include "binding/completions.h"
#include "core/queue.h"
#include "tokenizer/bulk_encoder.h"
#include "tokenizer/decoder.h"

namespace pt::binding {

class BpeTokenizer : public Napi::ObjectWrap<BpeTokenizer> {
 public:
  static Napi::Function define(Napi::Env env);

  /// new BpeTokenizer({ texts, lengths, scores, types, bosId, eosId, dummyPrefix }): the pieces' texts back to back,
  /// and arrays with one entry a piece.
  explicit BpeTokenizer(const Napi::CallbackInfo& info);
  ~BpeTokenizer() override;

  /// Throws when `value` is no open BpeTokenizer.
  static std::shared_ptr<const BpeModel> model_of(const Napi::Value& value);

 private:
  Napi::Value encode(const Napi::CallbackInfo& info);        // (text, bos, eos): Int32Array
  Napi::Value encode_batch(const Napi::CallbackInfo& info);  // (texts, bos, eos, threads): Promise<{ ids, offsets }>
  Napi::Value decode(const Napi::CallbackInfo& info);        // (ids: Int32Array): string
  Napi::Value piece(const Napi::CallbackInfo& info);         // (id): string
  Napi::Value size(const Napi::CallbackInfo& info);          // (): number
  Napi::Value dispose(const Napi::CallbackInfo& info);

  /// The thread that batches are queued on, and what it needs; made when it is first needed.
  struct Bulk;

  void require_open(Napi::Env env) const;
  void shut_down();
  static void at_exit(void* self);

  napi_env env_;
  std::shared_ptr<const BpeModel> model_;  // null once shut down
  std::unique_ptr<Encoder> encoder_;       // of the JavaScript thread; made when it is first needed
  std::unique_ptr<Bulk> bulk_;
};

class BpeDecoder : public Napi::ObjectWrap<BpeDecoder> {
 public:
  static Napi::Function define(Napi::Env env);

  /// new BpeDecoder(tokenizer). It outlives the tokenizer.
  explicit BpeDecoder(const Napi::CallbackInfo& info);

 private:
  Napi::Value push(const Napi::CallbackInfo& info);  // (id): string
  Napi::Value end(const Napi::CallbackInfo& info);   // (): string

  std::unique_ptr<Decoder> decoder_;
};

void register_tokenizer(Napi::Env env, Napi::Object exports);

}  // namespace pt::binding

// Encoder: text to ids, identical to sentencepiece. One encoder belongs to one thread; the model is shared.
//
// Any bytes are safe: what is not valid UTF-8 becomes U+FFFD first, as in sentencepiece. Text never becomes BOS, EOS
// or another control piece, whatever it spells. U+2581 in the text is a space. Nothing else is normalised.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/bpe_model.h"
#include "tokenizer/merger.h"
#include "tokenizer/word_cache.h"

namespace pt {

class Encoder {
 public:
  explicit Encoder(std::shared_ptr<const BpeModel> model) : model_(std::move(model)), merger_(*model_) {}

  // A byte makes at most three ids (one that is not UTF-8, when U+FFFD is no piece): counts of ids fit an int32.
  static constexpr size_t kMaxBytes = size_t{1} << 29;

  /// Appends the ids of `text`, at most kMaxBytes long. `at_start`: it begins a document, so it gets the dummy prefix.
  void append(std::string_view text, bool at_start, std::vector<int32_t>& ids);

 private:
  void append_word(std::string_view word, std::vector<int32_t>& ids);

  std::shared_ptr<const BpeModel> model_;
  Merger merger_;
  WordCache cache_;
  std::string prepared_;  // the text as symbols are read from it
};

/// The last place, at or before `limit`, where `text` may be cut so that its two parts, encoded one after the other,
/// give the ids of the whole; 0 when there is none.
size_t last_cut(const BpeModel& model, std::string_view text, size_t limit);

}  // namespace pt

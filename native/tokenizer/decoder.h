// Decoder: ids to text, one at a time, as sentencepiece decodes a whole sequence. Bytes that make no character yet are
// held back until they do or cannot any more; so text arrives in whole characters. The space that the dummy prefix
// added is dropped. BOS, EOS and other control pieces add nothing; the unknown piece adds " ⁇ ".
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "tokenizer/bpe_model.h"

namespace pt {

class Decoder {
 public:
  explicit Decoder(std::shared_ptr<const BpeModel> model) : model_(std::move(model)) {}

  /// Appends the text that is certain after `id`.
  Status push(int32_t id, std::string& text);
  /// Appends what is held back, as U+FFFD, and begins anew.
  void end(std::string& text);

 private:
  std::shared_ptr<const BpeModel> model_;
  std::string held_;      // bytes of a cut-off character
  bool at_start_ = true;  // nothing was decoded yet, so the dummy prefix is still to come
};

}  // namespace pt

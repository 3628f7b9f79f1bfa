// Merger: the merges of one word, exactly (the rule is in bpe_model.h). Short words by a scan for the best pair, long
// ones with a heap: a megabyte without a space takes n log n, not n².
#pragma once
#include <string_view>
#include <vector>

#include "tokenizer/bpe_model.h"

namespace pt {

class Merger {
 public:
  explicit Merger(const BpeModel& model) : model_(model) {}

  /// Appends the ids of `word`: valid UTF-8 with ' ' for U+2581, at most 2^32 − 2 characters.
  void encode(std::string_view word, std::vector<int32_t>& ids);

 private:
  void merge_by_scan();
  void merge_by_heap();
  void append_ids(std::vector<int32_t>& ids) const;

  const BpeModel& model_;
  std::vector<int32_t> symbols_;  // of the word at hand, from left to right
  std::vector<int32_t> pairs_;    // pairs_[i]: the piece that symbols i and i + 1 make
};

}  // namespace pt

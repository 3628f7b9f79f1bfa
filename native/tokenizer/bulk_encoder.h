// BulkEncoder: many documents to ids at once, on many threads. Long documents are cut into segments at places where
// no merge can cross, so one huge document is spread over the threads too, and ids never depend on their number.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/pool.h"
#include "tokenizer/bpe_model.h"
#include "tokenizer/encoder.h"

namespace pt {

/// Ids of documents, back to back, still in the pieces that the threads made.
struct EncodedDocuments {
  std::vector<std::vector<int32_t>> segments;
  std::vector<size_t> first_segment;  // of each document, and the number of segments at the end

  size_t documents() const { return first_segment.size() - 1; }
  size_t tokens() const;
  /// ids [tokens()]; offsets [documents() + 1]: document i is ids[offsets[i]] … ids[offsets[i + 1] − 1].
  void copy_to(int32_t* ids, int32_t* offsets) const;
};

class BulkEncoder {
 public:
  explicit BulkEncoder(std::shared_ptr<const BpeModel> model) : model_(std::move(model)) {}

  struct Options {
    bool bos = false, eos = false;
    int threads = 1;
  };

  /// Blocks; one call at a time. Threads and their word caches are kept for the next call.
  Status encode(const std::vector<std::string>& texts, const Options& options, EncodedDocuments* out);

  /// From any thread: lets the call under way, and every later one, end soon with an error.
  void cancel() { cancelled_ = true; }

 private:
  struct Segment;

  std::vector<Segment> plan(const std::vector<std::string>& texts, EncodedDocuments* out) const;
  Status prepare_threads(int threads);

  std::shared_ptr<const BpeModel> model_;
  std::unique_ptr<Pool> pool_;
  std::vector<std::unique_ptr<Encoder>> encoders_;  // one a worker
  std::atomic<bool> cancelled_{false};
};

}  // namespace pt

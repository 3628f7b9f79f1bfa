#include "tokenizer/bulk_encoder.h"

#include <algorithm>
#include <new>
#include <string_view>
#include <system_error>

namespace pt {

// Small enough that the threads end together and a cancelled call ends within milliseconds.
constexpr size_t kSegmentBytes = 1 << 16;

struct BulkEncoder::Segment {
  std::string_view text;
  bool first, last;  // of its document
};

size_t EncodedDocuments::tokens() const {
  size_t n = 0;
  for (const auto& segment : segments) n += segment.size();
  return n;
}

void EncodedDocuments::copy_to(int32_t* ids, int32_t* offsets) const {
  const int32_t* const begin = ids;
  for (size_t d = 0; d < documents(); ++d) {
    offsets[d] = static_cast<int32_t>(ids - begin);
    for (size_t s = first_segment[d]; s < first_segment[d + 1]; ++s)
      ids = std::copy(segments[s].begin(), segments[s].end(), ids);
  }
  offsets[documents()] = static_cast<int32_t>(ids - begin);
}

std::vector<BulkEncoder::Segment> BulkEncoder::plan(const std::vector<std::string>& texts,
                                                    EncodedDocuments* out) const {
  std::vector<Segment> segments;
  out->first_segment.clear();
  for (const std::string& text : texts) {
    out->first_segment.push_back(segments.size());
    std::string_view rest = text;
    bool first = true;
    while (rest.size() > kSegmentBytes) {
      const size_t cut = last_cut(*model_, rest, kSegmentBytes);
      if (cut == 0) break;  // a word longer than a segment: the rest of the document stays whole
      segments.push_back({rest.substr(0, cut), first, false});
      rest.remove_prefix(cut);
      first = false;
    }
    segments.push_back({rest, first, true});
  }
  out->first_segment.push_back(segments.size());
  return segments;
}

Status BulkEncoder::prepare_threads(int threads) {
  try {
    if (!pool_ || pool_->count() != threads) pool_ = std::make_unique<Pool>(threads);
    while (encoders_.size() < static_cast<size_t>(threads)) encoders_.push_back(std::make_unique<Encoder>(model_));
    return Status::success();
  } catch (const std::system_error& e) {
    return Status::error(Code::unavailable, "cannot start %d tokenizer threads: %s", threads, e.what());
  }
}

Status BulkEncoder::encode(const std::vector<std::string>& texts, const Options& options, EncodedDocuments* out) try {
  size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size() + 3;  // dummy prefix, BOS, EOS
  PT_CHECK(bytes <= Encoder::kMaxBytes, "a batch of %zu bytes: expected at most %zu; encode fewer documents at once",
           bytes, Encoder::kMaxBytes);
  Status status = prepare_threads(options.threads);
  if (!status.ok()) return status;

  const std::vector<Segment> segments = plan(texts, out);
  out->segments.assign(segments.size(), {});
  std::atomic<bool> out_of_memory{false};
  parallel_for(*pool_, static_cast<int64_t>(segments.size()), [&](int64_t task, int worker) {
    if (cancelled_ || out_of_memory) return;
    try {
      const Segment& segment = segments[task];
      std::vector<int32_t>& ids = out->segments[task];
      ids.reserve(segment.text.size() / 3);  // about what English text needs
      if (segment.first && options.bos) ids.push_back(model_->bos());
      encoders_[worker]->append(segment.text, segment.first, ids);
      if (segment.last && options.eos) ids.push_back(model_->eos());
    } catch (const std::bad_alloc&) {
      out_of_memory = true;
    }
  });
  if (cancelled_) return Status::error(Code::disposed, "the tokenizer was disposed while it encoded");
  if (out_of_memory) throw std::bad_alloc();
  return Status::success();
} catch (const std::bad_alloc&) {
  return Status::error(Code::out_of_memory, "no memory to encode %zu documents; encode fewer at once", texts.size());
}

}  // namespace pt

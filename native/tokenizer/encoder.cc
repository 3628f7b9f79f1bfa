#include "tokenizer/encoder.h"

#include "tokenizer/utf8.h"

namespace pt {

/// Appends `text` as valid UTF-8 with ' ' for U+2581.
static void prepare(std::string_view text, std::string& out) {
  const size_t begin = out.size();
  utf8::append_repaired(out, text, true);
  constexpr std::string_view mark = "\xE2\x96\x81";
  size_t kept = out.find(mark, begin);
  if (kept == std::string::npos) return;
  for (size_t i = kept; i < out.size();) {
    if (out.compare(i, mark.size(), mark) == 0) {
      out[kept++] = ' ';
      i += mark.size();
    } else {
      out[kept++] = out[i++];
    }
  }
  out.resize(kept);
}

void Encoder::append(std::string_view text, bool at_start, std::vector<int32_t>& ids) {
  if (text.empty()) return;
  prepared_.assign(at_start && model_->dummy_prefix() ? 1 : 0, ' ');
  prepare(text, prepared_);
  const char* const end = prepared_.data() + prepared_.size();
  const char* word = prepared_.data();
  for (const char* p = word + 1; p < end; ++p) {
    if (model_->may_join(p[-1], p[0])) continue;
    append_word({word, static_cast<size_t>(p - word)}, ids);
    word = p;
  }
  append_word({word, static_cast<size_t>(end - word)}, ids);
}

void Encoder::append_word(std::string_view word, std::vector<int32_t>& ids) {
  if (word.size() > WordCache::kMaxBytes) return merger_.encode(word, ids);
  WordCache::Entry& entry = cache_.slot(word);
  if (entry.holds(word)) {
    ids.insert(ids.end(), entry.ids, entry.ids + entry.count);
    return;
  }
  const size_t before = ids.size();
  merger_.encode(word, ids);
  const size_t count = ids.size() - before;
  if (count <= WordCache::kMaxIds) entry.set(word, ids.data() + before, count);
}

size_t last_cut(const BpeModel& model, std::string_view text, size_t limit) {
  // Only between two ASCII bytes: there both parts are prepared alike on their own, even when the text is not valid.
  const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  for (size_t at = limit; at > 0; --at)
    if (ascii(text[at - 1]) && ascii(text[at]) && !model.may_join(text[at - 1], text[at])) return at;
  return 0;
}

}  // namespace pt

// Fuzz target: a vocabulary of arbitrary pieces, arbitrary bytes encoded with it, arbitrary ids decoded.
// Promises: ids lie in the vocabulary and are those of the plain rule; many threads give the ids of one; a text comes
// back from its ids.
#include <memory>

#include "byte_source.h"
#include "plain_bpe.h"
#include "require.h"
#include "tokenizer/bulk_encoder.h"
#include "tokenizer/decoder.h"
#include "vocabulary.h"

using namespace pt;
using namespace pt::fuzz;

constexpr size_t kPlainBytes = 150;     // the plain rule takes cubic time
constexpr size_t kLongest = 70 * 1024;  // two segments of the bulk encoder

static std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times && out.size() + text.size() <= kLongest; i++) out += text;
  return out;
}

/// What decoding must give back: the text with its spaces as ' ' and what is not UTF-8 replaced.
static std::string expected_text(const std::string& text) {
  std::string valid, out;
  utf8::append_repaired(valid, text, true);
  for (size_t i = 0; i < valid.size(); i++) {
    const bool mark = valid.compare(i, 3, "\xE2\x96\x81") == 0;
    out += mark ? ' ' : valid[i];
    if (mark) i += 2;
  }
  return out;
}

static std::string decode(const std::shared_ptr<const BpeModel>& model, const std::vector<int32_t>& ids) {
  Decoder decoder(model);
  std::string text;
  for (const int32_t id : ids) {
    const Status status = decoder.push(id, text);
    FUZZ_REQUIRE(status.ok(), "id %d: %s", id, status.message);
  }
  decoder.end(text);
  return text;
}

static void check_bulk(const std::shared_ptr<const BpeModel>& model, const std::string& text,
                       const std::vector<int32_t>& ids) {
  BulkEncoder bulk(model);
  EncodedDocuments documents;
  const Status status = bulk.encode({text, "", text}, {true, true, 2}, &documents);
  FUZZ_REQUIRE(status.ok(), "%s", status.message);
  std::vector<int32_t> all(documents.tokens()), offsets(documents.documents() + 1);
  documents.copy_to(all.data(), offsets.data());
  std::vector<int32_t> one = ids;
  one.insert(one.begin(), model->bos());
  one.push_back(model->eos());
  for (const int document : {0, 2})
    FUZZ_REQUIRE(std::vector<int32_t>(all.begin() + offsets[document], all.begin() + offsets[document + 1]) == one,
                 "document %d differs from the same text alone", document);
  FUZZ_REQUIRE(offsets[2] - offsets[1] == 2, "an empty document has %d ids", offsets[2] - offsets[1]);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteSource in(data, size);
  const uint8_t flags = in.byte();
  const Vocabulary vocabulary = read_vocabulary(in, flags);
  std::shared_ptr<const BpeModel> model;
  if (!BpeModel::create(vocabulary.spec, &model).ok()) return 0;

  const int times = flags & 8 ? 1 << in.below(16) : 1;
  const std::string once = in.rest();
  const std::string text = repeated(once, times);
  std::vector<int32_t> ids;
  Encoder(model).append(text, true, ids);
  for (const int32_t id : ids) FUZZ_REQUIRE(id >= 0 && id < model->size(), "id %d of %d", id, model->size());
  if (text.size() <= kPlainBytes)
    FUZZ_REQUIRE(ids == PlainBpe(*model, vocabulary.spec).encode(text), "%zu ids differ from the plain rule",
                 ids.size());
  FUZZ_REQUIRE(decode(model, ids) == expected_text(text), "a text of %zu bytes does not come back", text.size());
  if (flags & 16) check_bulk(model, text, ids);

  // Any numbers at all as ids: text, or a refusal.
  Decoder decoder(model);
  std::string decoded;
  for (size_t i = 0; i + 1 < once.size(); i += 2) {
    const auto id = static_cast<int16_t>(static_cast<uint8_t>(once[i]) | static_cast<uint8_t>(once[i + 1]) << 8);
    const bool known = id >= 0 && id < model->size();
    FUZZ_REQUIRE(decoder.push(id, decoded).ok() == known, "id %d of %d", id, model->size());
  }
  decoder.end(decoded);
  for (int32_t id = 0; id < model->size(); id++) (void)model->piece(id);
  return 0;
}

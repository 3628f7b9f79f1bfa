#include "tokenizer/bpe_model.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <unordered_map>
#include <utility>

#include "tokenizer/utf8.h"

namespace pt {

static constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

static std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  size_t begin = 0;
  for (size_t at; (at = text.find(from, begin)) != std::string_view::npos; begin = at + from.size()) {
    out.append(text.substr(begin, at - begin));
    out.append(to);
  }
  out.append(text.substr(begin));
  return out;
}

/// The value of "<0x41>", or −1.
static int parse_byte_piece(std::string_view text) {
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>') return -1;
  int value = 0;
  for (const char c : text.substr(3, 2)) {
    if (c >= '0' && c <= '9')
      value = value * 16 + (c - '0');
    else if (c >= 'A' && c <= 'F')
      value = value * 16 + (c - 'A' + 10);
    else
      return -1;
  }
  return value;
}

/// Byte offsets of the characters of valid UTF-8 text, its end included; empty when it is not valid.
static std::vector<size_t> character_offsets(std::string_view text) {
  std::vector<size_t> offsets;
  const char* const end = text.data() + text.size();
  for (const char* p = text.data(); p < end;) {
    offsets.push_back(static_cast<size_t>(p - text.data()));
    const int length = utf8::read(p, end).length;
    if (length == 0) return {};
    p += length;
  }
  offsets.push_back(text.size());
  return offsets;
}

/// Fills a BpeModel, step by step; each step checks what it reads.
class BpeModelBuilder {
 public:
  explicit BpeModelBuilder(const BpeSpec& spec) : spec_(spec) {}

  Status build(std::shared_ptr<const BpeModel>* out) {
    Status status = check_shape();
    if (status.ok()) status = read_pieces();
    if (status.ok()) status = find_splits();
    if (!status.ok()) return status;

    model_.reset(new BpeModel(by_text_.size(), splits_.size()));
    model_->bos_ = spec_.bos;
    model_->eos_ = spec_.eos;
    model_->dummy_prefix_ = spec_.dummy_prefix;
    model_->byte_ids_ = byte_ids_;
    model_->joins_ = joins_;
    index_characters();
    rank_pieces();
    for (const Split& s : splits_) model_->merges_.insert(BpeModel::merge_key(s.left, s.right), s.merged);
    model_->pieces_ = std::move(pieces_);  // last: by_text_ refers to the texts in there
    *out = std::move(model_);
    return Status::success();
  }

 private:
  struct Split {
    int32_t left, right, merged;
  };

  Status check_shape() const {
    const size_t n = spec_.pieces.size();
    PT_CHECK(n > 0 && n <= BpeModel::kMaxPieces, "a vocabulary of %zu pieces: expected 1 … %zu", n,
             BpeModel::kMaxPieces);
    for (const auto& [name, id] : {std::pair<const char*, int32_t>{"BOS", spec_.bos}, {"EOS", spec_.eos}}) {
      PT_CHECK(id >= 0 && static_cast<size_t>(id) < n, "%s id %d is outside the vocabulary of %zu pieces", name, id, n);
      PT_CHECK(spec_.pieces[id].type == PieceType::control, "piece %d is %s but not a control piece", id, name);
    }
    return Status::success();
  }

  Status read_pieces() {
    byte_ids_.fill(-1);
    pieces_.reserve(spec_.pieces.size());
    size_t bytes = 0;
    for (size_t i = 0; i < spec_.pieces.size(); ++i) {
      const BpePiece& p = spec_.pieces[i];
      PT_CHECK((bytes += p.text.size()) <= BpeModel::kMaxBytes, "the pieces have more than %zu bytes",
               BpeModel::kMaxBytes);
      const int id = static_cast<int>(i);
      PT_CHECK(!p.text.empty() && p.text.size() <= BpeModel::kMaxPieceBytes, "piece %d has %zu bytes: expected 1 … %zu",
               id, p.text.size(), BpeModel::kMaxPieceBytes);
      std::string surface(p.text);
      switch (p.type) {
        case PieceType::normal:
          PT_CHECK(std::isfinite(p.score), "the score of piece %d is not finite", id);
          PT_CHECK(p.text.find(' ') == std::string_view::npos, "piece %d holds a plain space: expected U+2581", id);
          surface = replace_all(p.text, kSpaceMark, " ");
          break;
        case PieceType::byte: {
          const int byte = parse_byte_piece(p.text);
          PT_CHECK(byte >= 0 && byte_ids_[byte] < 0,
                   "byte piece %d is malformed or there twice: expected <0x00> … <0xFF>", id);
          byte_ids_[byte] = id;
          surface.assign(1, static_cast<char>(byte));
          break;
        }
        case PieceType::unknown:
        case PieceType::control:
          break;
        default:
          return Status::error(Code::invalid_argument, "piece %d has type %d, which is not supported", id, int(p.type));
      }
      pieces_.push_back({std::move(surface), p.type});
    }
    for (int byte = 0; byte < 256; ++byte)
      PT_CHECK(byte_ids_[byte] >= 0, "there is no piece <0x%02X>: byte fallback needs all 256", byte);
    return Status::success();
  }

  /// Every way in which a piece is the concatenation of two symbols.
  Status find_splits() {
    for (size_t i = 0; i < pieces_.size(); ++i) {
      if (pieces_[i].type != PieceType::normal) continue;
      PT_CHECK(by_text_.emplace(pieces_[i].surface, static_cast<int32_t>(i)).second, "piece %zu is there twice", i);
    }
    PT_CHECK(by_text_.count(" ") == 1, "the vocabulary has no piece for the space (U+2581)");
    for (int continuation = 0x80; continuation < 0xC0; ++continuation)
      for (int before = 0; before < 256; ++before)
        joins_.set(BpeModel::pair_of(static_cast<char>(before), static_cast<char>(continuation)));
    for (const auto& [text, id] : by_text_) {
      const std::vector<size_t> offsets = character_offsets(text);
      PT_CHECK(!offsets.empty(), "piece %d is not valid UTF-8", id);
      for (size_t k = 1; k + 1 < offsets.size(); ++k) {
        const size_t at = offsets[k];
        joins_.set(BpeModel::pair_of(text[at - 1], text[at]));
        int32_t left, right;
        if (find_symbol(text.substr(0, at), &left) && find_symbol(text.substr(at), &right))
          splits_.push_back({left, right, id});
      }
    }
    return Status::success();
  }

  /// The symbol a text is: a piece, or a single character that is no piece.
  bool find_symbol(std::string_view text, int32_t* symbol) const {
    const auto found = by_text_.find(text);
    if (found != by_text_.end()) {
      *symbol = found->second;
      return true;
    }
    const utf8::Character c = utf8::read(text.data(), text.data() + text.size());
    *symbol = ~static_cast<int32_t>(c.code);
    return static_cast<size_t>(c.length) == text.size();
  }

  void index_characters() {
    for (size_t code = 0; code < 128; ++code) model_->ascii_symbols_[code] = ~static_cast<int32_t>(code);
    for (const auto& [text, id] : by_text_) {
      const utf8::Character c = utf8::read(text.data(), text.data() + text.size());
      if (static_cast<size_t>(c.length) != text.size()) continue;
      if (c.code < 128)
        model_->ascii_symbols_[c.code] = id;
      else
        model_->characters_.insert(c.code, id);
    }
  }

  /// Equal scores get equal ranks: among them position decides, as in sentencepiece.
  void rank_pieces() {
    std::vector<int32_t> order;
    for (const auto& entry : by_text_) order.push_back(entry.second);
    const auto score = [this](int32_t id) { return spec_.pieces[id].score; };
    std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return score(a) > score(b); });
    model_->ranks_.assign(pieces_.size(), 0);
    uint32_t rank = 0;
    for (size_t i = 0; i < order.size(); ++i) {
      if (i > 0 && score(order[i]) != score(order[i - 1])) ++rank;
      model_->ranks_[order[i]] = rank;
    }
  }

  const BpeSpec& spec_;
  std::unique_ptr<BpeModel> model_;
  std::vector<BpeModel::Piece> pieces_;
  std::unordered_map<std::string_view, int32_t> by_text_;  // normal pieces; refers to pieces_
  std::vector<Split> splits_;
  std::array<int32_t, 256> byte_ids_;
  std::bitset<65536> joins_;
};

Status BpeModel::create(const BpeSpec& spec, std::shared_ptr<const BpeModel>* model) {
  return BpeModelBuilder(spec).build(model);
}

std::string BpeModel::piece(int32_t id) const {
  const Piece& p = pieces_[id];
  if (p.type == PieceType::normal) return replace_all(p.surface, " ", kSpaceMark);
  if (p.type != PieceType::byte) return p.surface;
  char text[8];
  std::snprintf(text, sizeof text, "<0x%02X>", static_cast<unsigned char>(p.surface[0]));
  return text;
}

}  // namespace pt

// BpeModel: the byte-pair vocabulary of a LLaMA-family tokenizer and the tables that encoding and decoding read.
// It is built and checked once, then never changes: any number of threads may share it.
//
// Rule of the merges (sentencepiece's `bpe` model): start from single characters; of all neighbours whose
// concatenation is a piece, join the pair that makes the piece of the highest score, the leftmost of equals; repeat.
// What is left and is no piece falls to the pieces of its bytes.
#pragma once
#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "tokenizer/flat_map.h"

namespace pt {

/// A piece's role; the numbers are those of sentencepiece_model.proto.
enum class PieceType : uint8_t { normal = 1, unknown = 2, control = 3, byte = 6 };

struct BpePiece {
  std::string_view text;  // normal pieces: UTF-8 with U+2581 for a space; byte pieces: "<0x41>"
  float score;            // of a normal piece: higher merges first
  PieceType type;
};

struct BpeSpec {
  std::vector<BpePiece> pieces;  // index = id
  int32_t bos, eos;              // ids of control pieces
  bool dummy_prefix;             // a space is put before the text, and the first one is dropped when decoding
};

class BpeModel {
 public:
  // Generous against any vocabulary in use; they bound what a hostile file can cost.
  static constexpr size_t kMaxPieces = 1 << 20;
  static constexpr size_t kMaxPieceBytes = 1 << 10;
  static constexpr size_t kMaxBytes = 1 << 24;  // of all pieces together

  static Status create(const BpeSpec& spec, std::shared_ptr<const BpeModel>* model);

  int32_t size() const { return static_cast<int32_t>(pieces_.size()); }
  int32_t bos() const { return bos_; }
  int32_t eos() const { return eos_; }
  bool dummy_prefix() const { return dummy_prefix_; }

  PieceType type(int32_t id) const { return pieces_[id].type; }
  /// What the id adds to the text: the byte of a byte piece, otherwise the piece with its spaces as ' '.
  const std::string& surface(int32_t id) const { return pieces_[id].surface; }
  /// The piece as vocabulary files write it.
  std::string piece(int32_t id) const;

  // --- Encoding works on symbols: a piece's id, or, for a character that is no piece, ~code point (negative).
  // Text is UTF-8 with ' ' for U+2581: a space is then one byte, and both spell the same piece.

  int32_t symbol_of(uint32_t code) const {
    if (code < 128) return ascii_symbols_[code];
    const int32_t id = characters_.find(code);
    return id == FlatMap::kAbsent ? ~static_cast<int32_t>(code) : id;
  }

  /// The piece that two neighbours make, or FlatMap::kAbsent.
  int32_t merge(int32_t left, int32_t right) const { return merges_.find(merge_key(left, right)); }

  /// Place of a merged piece in the order of merges: lower goes first, equal ranks go leftmost first.
  uint32_t rank(int32_t id) const { return ranks_[id]; }

  int32_t byte_id(unsigned char byte) const { return byte_ids_[byte]; }

  /// False when no piece holds a character that ends in byte `a` before one that begins with byte `b`: then no merge
  /// can ever cross that boundary, and the text on either side of it is encoded on its own, exactly. Always true
  /// when `b` is a continuation byte. This finds the words (nothing ends in a space before a letter is begun …)
  /// without knowing what a word is.
  bool may_join(char a, char b) const { return joins_[pair_of(a, b)]; }

 private:
  struct Piece {
    std::string surface;
    PieceType type;
  };

  explicit BpeModel(size_t characters, size_t merges) : characters_(characters), merges_(merges) {}

  static uint64_t merge_key(int32_t left, int32_t right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }
  static size_t pair_of(char a, char b) {
    return static_cast<size_t>(static_cast<unsigned char>(a)) << 8 | static_cast<unsigned char>(b);
  }

  friend class BpeModelBuilder;

  std::vector<Piece> pieces_;
  std::vector<uint32_t> ranks_;
  int32_t bos_ = 0, eos_ = 0;
  bool dummy_prefix_ = true;
  std::array<int32_t, 128> ascii_symbols_;
  std::array<int32_t, 256> byte_ids_;
  std::bitset<65536> joins_;
  FlatMap characters_;  // code point → id
  FlatMap merges_;      // two symbols → id
};

}  // namespace pt

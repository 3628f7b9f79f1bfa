// A vocabulary from a fuzzer's bytes; test/fuzz/vocabulary.ts makes the same one.
//
//   flags: 1 dummy prefix · 2 the base of every usable vocabulary comes first (unknown, BOS, EOS, the 256 byte pieces,
//          the space) · 4 BOS and EOS are any two numbers
//   n pieces: type, score (signed), length, text
#pragma once
#include <cstdio>
#include <deque>
#include <string>

#include "byte_source.h"
#include "tokenizer/bpe_model.h"

namespace pt::fuzz {

struct Vocabulary {
  std::deque<std::string> texts;  // a deque: the spec refers to them
  BpeSpec spec{{}, 1, 2, true};

  void add(std::string text, float score, PieceType type) {
    texts.push_back(std::move(text));
    spec.pieces.push_back({texts.back(), score, type});
  }
};

inline Vocabulary read_vocabulary(ByteSource& in, uint8_t flags) {
  Vocabulary out;
  out.spec.dummy_prefix = flags & 1;
  if (flags & 2) {
    out.add("<unk>", 0, PieceType::unknown);
    out.add("<s>", 0, PieceType::control);
    out.add("</s>", 0, PieceType::control);
    for (int byte = 0; byte < 256; byte++) {
      char text[8];
      std::snprintf(text, sizeof text, "<0x%02X>", byte);
      out.add(text, 0, PieceType::byte);
    }
    out.add("\xE2\x96\x81", 0, PieceType::normal);
  }
  for (int left = in.byte(); left > 0; left--) {
    const auto type = static_cast<PieceType>(in.byte());
    const auto score = static_cast<float>(static_cast<int8_t>(in.byte()));
    const int length = in.byte();
    out.add(in.bytes(static_cast<size_t>(length)), score, type);
  }
  if (flags & 4) {
    out.spec.bos = static_cast<int8_t>(in.byte());
    out.spec.eos = static_cast<int8_t>(in.byte());
  }
  return out;
}

}  // namespace pt::fuzz

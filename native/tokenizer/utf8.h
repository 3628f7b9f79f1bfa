// UTF-8, as sentencepiece reads it: strict (no overlong forms, no surrogates, nothing above U+10FFFF); a byte that
// begins no valid character is one U+FFFD.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pt::utf8 {

constexpr uint32_t kReplacement = 0xFFFD;

struct Character {
  uint32_t code;
  int length;  // bytes; 0 when the bytes at hand begin no valid character
};

inline bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Length that the first byte of a character announces; 0 when no character begins with it.
inline int announced_length(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0x80) return 1;
  if (byte < 0xC2) return 0;
  if (byte < 0xE0) return 2;
  if (byte < 0xF0) return 3;
  return byte < 0xF5 ? 4 : 0;
}

/// The character at the start of [p, end), which must not be empty.
inline Character read(const char* p, const char* end) {
  const int length = announced_length(*p);
  if (length == 1) return {static_cast<unsigned char>(*p), 1};
  if (length == 0 || end - p < length) return {0, 0};
  uint32_t code = static_cast<unsigned char>(*p) & (0x7F >> length);
  for (int i = 1; i < length; ++i) {
    if (!is_continuation(p[i])) return {0, 0};
    code = code << 6 | (p[i] & 0x3F);
  }
  constexpr uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  if (code < smallest[length] || code > 0x10FFFF || surrogate) return {0, 0};
  return {code, length};
}

void append(std::string& out, uint32_t code);

/// Appends `bytes` with every byte that belongs to no valid character replaced by U+FFFD. Unless `final`, stops
/// before a cut-off character at the end that more bytes may complete. Returns how many bytes were read.
size_t append_repaired(std::string& out, std::string_view bytes, bool final);

}  // namespace pt::utf8

#include "tokenizer/utf8.h"

namespace pt::utf8 {

void append(std::string& out, uint32_t code) {
  const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

/// Whether more bytes could make a character of all of [p, end).
static bool is_cut_off(const char* p, const char* end) {
  if (end - p >= announced_length(*p)) return false;
  for (const char* q = p + 1; q < end; ++q)
    if (!is_continuation(*q)) return false;
  return true;
}

size_t append_repaired(std::string& out, std::string_view bytes, bool final) {
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  const char* valid = begin;  // first byte not yet appended; everything from there to p is valid
  const char* p = begin;
  const auto append_valid = [&] { out.append(valid, static_cast<size_t>(p - valid)); };
  while (p < end) {
    if (const int length = read(p, end).length; length > 0) {
      p += length;
      continue;
    }
    if (!final && is_cut_off(p, end)) break;
    append_valid();
    append(out, kReplacement);
    valid = ++p;
  }
  append_valid();
  return static_cast<size_t>(p - begin);
}

}  // namespace pt::utf8

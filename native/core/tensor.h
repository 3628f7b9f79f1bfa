// TensorView: a typed, contiguous, row-major window into a region. It owns nothing.
#pragma once
#include <cstddef>
#include <cstdint>

namespace pt {

enum class DType : uint8_t { f32, bf16, f64, i32 };

constexpr size_t size_of(DType t) { return t == DType::f64 ? 8 : t == DType::bf16 ? 2 : 4; }
constexpr const char* name_of(DType t) {
  switch (t) {
    case DType::f32:
      return "f32";
    case DType::bf16:
      return "bf16";
    case DType::f64:
      return "f64";
    case DType::i32:
      return "i32";
  }
  return "?";
}

constexpr int kMaxRank = 4;

struct TensorView {
  void* data = nullptr;  // nullptr: an optional tensor that was not given
  DType dtype = DType::f32;
  int rank = 0;
  int64_t shape[kMaxRank] = {0, 0, 0, 0};

  explicit operator bool() const { return data != nullptr; }
  int64_t size() const {
    int64_t n = 1;
    for (int i = 0; i < rank; i++) n *= shape[i];
    return n;
  }
  int64_t bytes() const { return size() * static_cast<int64_t>(size_of(dtype)); }
};

}  // namespace pt

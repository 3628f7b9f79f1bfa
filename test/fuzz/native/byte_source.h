// ByteSource: a fuzzer's bytes as a stream of decisions. Behind its end everything is zero, so every input means
// something. test/fuzz/byte-source.ts reads the same way.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace pt::fuzz {

class ByteSource {
 public:
  ByteSource(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  uint8_t byte() { return at_ < size_ ? data_[at_++] : uint8_t{0}; }
  /// 0 … n − 1.
  int below(int n) { return byte() % n; }
  bool empty() const { return at_ == size_; }

  std::string bytes(size_t n) {
    n = std::min(n, size_ - at_);
    std::string out(reinterpret_cast<const char*>(data_ + at_), n);
    at_ += n;
    return out;
  }
  std::string rest() { return bytes(size_ - at_); }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

}  // namespace pt::fuzz

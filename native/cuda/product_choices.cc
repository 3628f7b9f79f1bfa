#include "cuda/product_choices.h"

#include <cctype>
#include <cstdlib>

namespace pt::cuda {

std::string name_of(const GemmShape& shape) {
  return std::to_string(shape.M) + " " + std::to_string(shape.N) + " " + std::to_string(shape.inner) + " " +
         (shape.trans_a ? "t" : "n") + (shape.trans_b ? "t" : "n") + (shape.accumulate ? " add " : " set ") +
         pt::name_of(shape.c);
}

// ---- writing --------------------------------------------------------------------------------------------------------

static std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

static std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

std::string to_json(const ProductChoices& choices) {
  std::string products;
  for (const auto& [name, choice] : choices.products)
    products += (products.empty() ? "" : ",") + quoted(name) + ":{\"algo\":" + quoted(choice.algorithm) +
                ",\"microseconds\":" + number(choice.microseconds) +
                ",\"candidates\":" + std::to_string(choice.candidates) + "}";
  return "{\"library\":" + quoted(choices.library) + ",\"device\":" + quoted(choices.device) + ",\"products\":{" +
         products + "}}";
}

// ---- reading --------------------------------------------------------------------------------------------------------

namespace {

/// As much of JSON as the above writes, however spaced: objects, strings and numbers.
class Reader {
 public:
  explicit Reader(const std::string& text) : at_(text.c_str()) {}

  bool ended() { return peek() == '\0'; }

  /// Calls member(name) at each value of an object; it must read the value.
  template <class Member>
  bool object(Member member) {
    if (!skip('{')) return false;
    if (skip('}')) return true;
    do {
      std::string name;
      if (!string(name) || !skip(':') || !member(name)) return false;
    } while (skip(','));
    return skip('}');
  }

  bool string(std::string& out) {
    out.clear();
    if (!skip('"')) return false;
    for (; *at_ != '"'; at_++) {
      if (*at_ == '\\') at_++;
      if (*at_ == '\0') return false;
      out += *at_;
    }
    at_++;
    return true;
  }

  bool number(double& out) {
    peek();
    char* end = nullptr;
    out = std::strtod(at_, &end);
    const bool found = end != at_;
    at_ = end;
    return found;
  }

 private:
  char peek() {
    while (std::isspace(static_cast<unsigned char>(*at_))) at_++;
    return *at_;
  }
  bool skip(char c) {
    if (peek() != c) return false;
    at_++;
    return true;
  }

  const char* at_;
};

bool read_choice(Reader& reader, ProductChoice& out) {
  return reader.object([&](const std::string& name) {
    if (name == "algo") return reader.string(out.algorithm);
    double value = 0;
    if (!reader.number(value) || !(value >= 0 && value < 1e9)) return false;
    if (name == "microseconds") out.microseconds = value;
    if (name == "candidates") out.candidates = static_cast<int>(value);
    return name == "microseconds" || name == "candidates";
  });
}

}  // namespace

Status from_json(const std::string& text, ProductChoices& out) {
  ProductChoices read;
  Reader reader(text);
  const bool whole = reader.object([&](const std::string& name) {
    if (name == "library") return reader.string(read.library);
    if (name == "device") return reader.string(read.device);
    return name == "products" &&
           reader.object([&](const std::string& product) { return read_choice(reader, read.products[product]); });
  });
  PT_CHECK(whole && reader.ended() && !read.library.empty(),
           "the choices of product algorithms are not as Products::choices writes them: %.100s", text.c_str());
  out = std::move(read);
  return Status::success();
}

}  // namespace pt::cuda

// The rule of tokenizer/bpe_model.h, written down as plainly as possible: what the fast encoder is held against.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "tokenizer/bpe_model.h"
#include "tokenizer/utf8.h"

namespace pt::fuzz {

class PlainBpe {
 public:
  explicit PlainBpe(const BpeModel& model, const BpeSpec& spec) : model_(model) {
    for (int32_t id = 0; id < model.size(); id++)
      if (model.type(id) == PieceType::normal) pieces_[model.surface(id)] = {id, spec.pieces[id].score};
  }

  std::vector<int32_t> encode(const std::string& text) const {
    std::vector<int32_t> ids;
    if (text.empty()) return ids;
    std::vector<std::string> symbols = characters(text);
    while (merge_best(symbols)) {
    }
    for (const std::string& symbol : symbols) {
      const auto found = pieces_.find(symbol);
      if (found != pieces_.end())
        ids.push_back(found->second.id);
      else
        for (const char byte : symbol) ids.push_back(model_.byte_id(static_cast<unsigned char>(byte)));
    }
    return ids;
  }

 private:
  struct Piece {
    int32_t id;
    float score;
  };

  std::vector<std::string> characters(const std::string& text) const {
    std::string valid = model_.dummy_prefix() ? " " : "";
    utf8::append_repaired(valid, text, true);
    std::vector<std::string> out;
    for (const char* p = valid.data(); p < valid.data() + valid.size();) {
      const int length = utf8::read(p, valid.data() + valid.size()).length;
      out.emplace_back(p, static_cast<size_t>(length));
      if (out.back() == "\xE2\x96\x81") out.back() = " ";
      p += length;
    }
    return out;
  }

  bool merge_best(std::vector<std::string>& symbols) const {
    size_t best = symbols.size();
    float best_score = 0;
    for (size_t i = 0; i + 1 < symbols.size(); i++) {
      const auto found = pieces_.find(symbols[i] + symbols[i + 1]);
      if (found == pieces_.end() || (best < symbols.size() && found->second.score <= best_score)) continue;
      best = i, best_score = found->second.score;
    }
    if (best == symbols.size()) return false;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    return true;
  }

  const BpeModel& model_;
  std::map<std::string, Piece> pieces_;
};

}  // namespace pt::fuzz

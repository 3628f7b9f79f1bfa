#include "tokenizer/decoder.h"

#include <string_view>

#include "tokenizer/utf8.h"

namespace pt {

Status Decoder::push(int32_t id, std::string& text) {
  if (id < 0 || id >= model_->size())
    return Status::error(Code::out_of_range, "token id %d is outside the vocabulary of %d", id, model_->size());
  const PieceType type = model_->type(id);
  if (type == PieceType::control) return Status::success();
  std::string_view surface = type == PieceType::unknown ? " \xE2\x81\x87 " : std::string_view(model_->surface(id));
  if (type == PieceType::normal && at_start_ && model_->dummy_prefix() && surface[0] == ' ') surface.remove_prefix(1);
  at_start_ = false;
  held_.append(surface);
  held_.erase(0, utf8::append_repaired(text, held_, false));
  return Status::success();
}

void Decoder::end(std::string& text) {
  utf8::append_repaired(text, held_, true);
  held_.clear();
  at_start_ = true;
}

}  // namespace pt

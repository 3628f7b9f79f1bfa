// The one check of token ids that every op makes before it uses them as an index.
#pragma once
#include <cstdint>

#include "core/status.h"

namespace pt::cpu {

/// ids[begin … end − 1] of the flat batch ids [B, S] must lie in 0 … V − 1.
inline Status check_token_ids(const int32_t* ids, int64_t begin, int64_t end, int64_t S, int64_t V) {
  for (int64_t i = begin; i < end; i++)
    if (ids[i] < 0 || ids[i] >= V)
      return Status::error(Code::out_of_range,
                           "sequence %lld, position %lld holds token id %d; ids must be in 0 … %lld. Was the text "
                           "tokenized for another vocabulary?",
                           (long long)(i / S), (long long)(i % S), ids[i], (long long)(V - 1));
  return Status::success();
}

}  // namespace pt::cpu

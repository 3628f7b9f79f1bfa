// Finds patchtrain-cuda.so beside the addon. Its absence is an answer, not a crash.
#pragma once
#include <string>

#include "cuda/library.h"

namespace pt::cuda {

/// `file`: "patchtrain-cuda" or, for tests, "patchtrain-cuda-emu".
Status load_library(const std::string& folder, const char* file, const Library*& out);

}  // namespace pt::cuda

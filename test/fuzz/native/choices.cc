// Fuzz target: the text of product choices, as a run folder carries it. Promises: whatever is accepted is written back
// as text that reads as the same choices.
#include "cuda/product_choices.h"
#include "require.h"

using pt::cuda::ProductChoices;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ProductChoices read, once, twice;
  if (!pt::cuda::from_json(std::string(reinterpret_cast<const char*>(data), size), read).ok()) return 0;
  // Writing makes spaces of control characters, so names may then fall together: from there on nothing changes.
  const std::string first = pt::cuda::to_json(read);
  FUZZ_REQUIRE(pt::cuda::from_json(first, once).ok(), "%s", first.c_str());
  FUZZ_REQUIRE(once.products.size() <= read.products.size(), "%zu products", once.products.size());
  const std::string second = pt::cuda::to_json(once);
  FUZZ_REQUIRE(pt::cuda::from_json(second, twice).ok(), "%s", second.c_str());
  FUZZ_REQUIRE(pt::cuda::to_json(twice) == second, "%s", second.c_str());
  return 0;
}

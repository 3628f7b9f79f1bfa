#include "cuda/products.h"

#include <cstring>

#include "cuda/check.h"
#include "cuda/device_region.h"
#include "cuda/gemm.h"
#include "cuda/product_timer.h"

namespace pt::cuda {

constexpr char kOwn[] = "own";

/// NVIDIA's advice: 32 MiB on Hopper and newer, 4 MiB before.
static size_t workspace_bytes(const DeviceInfo& device) { return size_t{device.major >= 9 ? 32u : 4u} << 20; }

static std::string hexadecimal(const lt::Algorithm& algorithm) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(&algorithm);
  std::string text;
  for (size_t i = 0; i < sizeof algorithm; i++) {
    text += "0123456789abcdef"[bytes[i] / 16];
    text += "0123456789abcdef"[bytes[i] % 16];
  }
  return text;
}

std::unique_ptr<Products> Products::create(const DeviceInfo& device, const char* library) {
  std::unique_ptr<Products> products(new Products(device));
  std::string absence;
  products->library_ = CublasLt::open(library, absence);
  if (products->library_)
    products->origin_ = "cuBLASLt " + products->library_->version() + " (" + products->library_->path() + ")";
  else
    products->do_without(absence);
  products->made_.library = products->library_name();
  products->made_.device = device.name;
  return products;
}

void Products::do_without(const std::string& why) {
  chosen_.clear();
  library_.reset();
  const std::lock_guard<std::mutex> lock(mutex_);
  origin_ = "our own kernels: " + why;
  made_.library = kOwn;
}

// ---- choosing -------------------------------------------------------------------------------------------------------

Status Products::prepare(const Command& cmd, const Launch& launch) {
  const GemmShape shape(cmd);
  if (!library_ || chosen_.count(shape)) return Status::success();
  if (Status s = allocate_workspace(); !s.ok()) return s;
  Chosen chosen{};
  ProductChoice choice;
  if (Status s = choose(cmd, launch, shape, chosen, choice); !s.ok()) return s;
  if (!library_) return Status::success();  // it turned out to be of no use
  chosen_[shape] = std::move(chosen);
  const std::lock_guard<std::mutex> lock(mutex_);
  made_.products[name_of(shape)] = choice;
  return Status::success();
}

Status Products::allocate_workspace() {
  if (workspace_) return Status::success();
  std::shared_ptr<Region> allocated;
  if (Status s = DeviceRegion::allocate(device_.index, workspace_bytes(device_), allocated); !s.ok()) return s;
  const std::lock_guard<std::mutex> lock(mutex_);
  workspace_ = std::move(allocated);
  return Status::success();
}

Status Products::choose(const Command& cmd, const Launch& launch, const GemmShape& shape, Chosen& chosen,
                        ProductChoice& choice) {
  std::vector<lt::HeuristicResult> candidates;
  Status asked = LtProduct::create(*library_, shape, chosen.product);
  if (asked.ok()) asked = chosen.product->algorithms(workspace_->bytes(), candidates);
  if (!asked.ok()) {
    chosen.product.reset();  // before the library it refers to
    do_without(library_->path() + " is of no use here, " + asked.message);
    return Status::success();
  }
  if (take_restored(shape, candidates, chosen, choice)) return Status::success();
  return time(cmd, launch, candidates, chosen, choice);
}

/// A stored algorithm is taken only when the library offers the very same one now: bytes from a file never reach it.
bool Products::take_restored(const GemmShape& shape, const std::vector<lt::HeuristicResult>& candidates, Chosen& chosen,
                             ProductChoice& choice) {
  const std::string name = name_of(shape);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = restored_.find(name);
    if (found == restored_.end()) return false;
    choice = found->second;
  }
  if (choice.algorithm == kOwn) {
    chosen.product.reset();
    return true;
  }
  for (const lt::HeuristicResult& candidate : candidates)
    if (hexadecimal(candidate.algorithm) == choice.algorithm) {
      chosen.algorithm = candidate.algorithm;
      return true;
    }
  tell("the algorithm that the run used for the product " + name +
       " is not offered any more: one was chosen anew, and results may differ in the last bits");
  return false;
}

/// Leaves in `chosen` the fastest; the first of two that are equally fast.
Status Products::time(const Command& cmd, const Launch& launch, const std::vector<lt::HeuristicResult>& candidates,
                      Chosen& chosen, ProductChoice& choice) {
  choice = {kOwn, 0, 0};
  std::unique_ptr<ProductTimer> timer;
  if (Status s = ProductTimer::create(cmd, launch, timer); s.code == Code::out_of_memory) {
    tell("no memory was left to time the algorithms for the product " + name_of(GemmShape(cmd)) +
         ": the library's first choice is used");
    if (candidates.empty())
      chosen.product.reset();
    else
      chosen.algorithm = candidates[0].algorithm, choice.algorithm = hexadecimal(chosen.algorithm);
    return Status::success();
  } else if (!s.ok()) {
    return s;
  }

  for (const lt::HeuristicResult& candidate : candidates) {
    double microseconds = 0;
    const auto by_library = [&](const Command& c) { return run(*chosen.product, candidate.algorithm, c, launch); };
    if (!timer->time(by_library, microseconds).ok()) {
      PT_CUDA(cudaStreamSynchronize(launch.stream), "timing products");  // an algorithm that refused is no harm
      continue;
    }
    choice.candidates++;
    if (choice.algorithm != kOwn && microseconds >= choice.microseconds) continue;
    chosen.algorithm = candidate.algorithm;
    choice.algorithm = hexadecimal(candidate.algorithm), choice.microseconds = microseconds;
  }

  double microseconds = 0;
  if (Status s = timer->time([&](const Command& c) { return own_gemm(c, launch); }, microseconds); !s.ok()) return s;
  choice.candidates++;
  if (choice.algorithm != kOwn && microseconds >= choice.microseconds) return Status::success();
  chosen.product.reset();
  choice.algorithm = kOwn, choice.microseconds = microseconds;
  return Status::success();
}

// ---- running --------------------------------------------------------------------------------------------------------

Status Products::run(const Command& cmd, const Launch& launch) {
  if (!library_) return own_gemm(cmd, launch);
  const GemmShape shape(cmd);
  const auto found = chosen_.find(shape);
  if (found == chosen_.end())
    return Status::error(Code::internal, "the product %s was run before it was prepared", name_of(shape).c_str());
  if (!found->second.product) return own_gemm(cmd, launch);
  return run(*found->second.product, found->second.algorithm, cmd, launch);
}

Status Products::run(const LtProduct& product, const lt::Algorithm& algorithm, const Command& cmd,
                     const Launch& launch) const {
  return product.run(cmd, algorithm, workspace_->data(), workspace_->bytes(), launch.stream);
}

// ---- remembering ----------------------------------------------------------------------------------------------------

std::string Products::choices() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  ProductChoices all = made_;
  all.products.insert(restored_.begin(), restored_.end());  // shapes that this run has not come to
  return to_json(all);
}

Status Products::restore(const std::string& choices) {
  ProductChoices earlier;
  if (Status s = from_json(choices, earlier); !s.ok()) return s;
  const bool same_library = earlier.library == made_.library, same_device = earlier.device == made_.device;
  if (!same_library || !same_device) {
    tell("matrix products were computed by " + earlier.library + " on " + earlier.device + ", and now are by " +
         made_.library + " on " + made_.device + ": results may differ in the last bits");
    return Status::success();
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  restored_ = std::move(earlier.products);
  return Status::success();
}

void Products::tell(const std::string& notice) {
  const std::lock_guard<std::mutex> lock(mutex_);
  notice_ += (notice_.empty() ? "" : "\n") + notice;
}

std::string Products::describe() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return "matrix products by " + origin_;
}

std::string Products::notice() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return notice_;
}

size_t Products::bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return workspace_ ? workspace_->bytes() : 0;
}

}  // namespace pt::cuda

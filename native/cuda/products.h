// Products: who computes a matrix product. Where cuBLASLt is found (cuda/cublaslt.h says where it is looked for), its
// deterministic algorithms and our own kernel are timed once for each shape, and the fastest is kept; without it our
// own kernel computes them all.
//
// The choice rests on a clock, so two runs may choose differently and then differ in the last bits. A checkpoint
// therefore carries choices(), and restore() makes the next run take the same, where it has the same library and
// device.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/region.h"
#include "cuda/cublaslt_product.h"
#include "cuda/launch.h"
#include "cuda/product_choices.h"

namespace pt::cuda {

/// prepare and run belong to the device's thread; everything else may be called from any.
class Products {
 public:
  /// `library`: the path of a libcublasLt, "none" for our own kernels, or empty to search.
  static std::unique_ptr<Products> create(const DeviceInfo&, const char* library);

  /// Chooses for the product's shape, unless that is done already: before its first run, and never in a graph capture.
  /// The launch's workspace must be what the command asks for, as for a run.
  Status prepare(const Command&, const Launch&);

  Status run(const Command&, const Launch&);

  /// JSON: {library, device, products: {"8192 1024 2752 nt add f32": {algo, microseconds, candidates}}}
  std::string choices() const;
  /// Takes choices() of an earlier run. What does not fit is chosen anew, and notice() says so.
  Status restore(const std::string& choices);

  /// For people: "matrix products by cuBLASLt 13.1.1 (/usr/lib/…)", or by our own kernels, and why.
  std::string describe() const;
  /// What a person should know about the choices, or nothing.
  std::string notice() const;
  /// Of device memory, for the library's scratch.
  size_t bytes() const;

 private:
  struct Chosen {
    std::unique_ptr<LtProduct> product;  // null: our own kernel
    lt::Algorithm algorithm;
  };

  explicit Products(const DeviceInfo& device) : device_(device) {}
  std::string library_name() const { return library_ ? "cublasLt " + library_->version() : "own"; }
  Status choose(const Command&, const Launch&, const GemmShape&, Chosen&, ProductChoice&);
  Status time(const Command&, const Launch&, const std::vector<lt::HeuristicResult>&, Chosen&, ProductChoice&);
  Status run(const LtProduct&, const lt::Algorithm&, const Command&, const Launch&) const;
  bool take_restored(const GemmShape&, const std::vector<lt::HeuristicResult>&, Chosen&, ProductChoice&);
  Status allocate_workspace();
  void do_without(const std::string& why);
  void tell(const std::string& notice);

  const DeviceInfo device_;
  std::unique_ptr<CublasLt> library_;  // before chosen_, which refers to it
  std::map<GemmShape, Chosen> chosen_;
  std::shared_ptr<Region> workspace_;

  mutable std::mutex mutex_;  // guards what follows
  std::string origin_;        // where products come from
  std::string notice_;
  ProductChoices made_;
  std::map<std::string, ProductChoice> restored_;
};

}  // namespace pt::cuda

// The system's sgemm libraries as contenders (see ../peers/cpu/protocol.ts):
//
//   libraries LIBRARY THREADS M N K TRANS_A TRANS_B WARM_UPS REPEATS INPUTS
//
// C [M, N] = op(A) op(B), row-major. OpenBLAS and oneDNN are opened when they are asked for; Eigen is compiled in where
// its headers are.
#include <dlfcn.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#ifdef WITH_EIGEN
#include <Eigen/Core>
#endif

namespace {

struct Product {
  long m, n, k;
  bool trans_a, trans_b;
  std::vector<float> a, b, c;

  long lda() const { return trans_a ? m : k; }
  long ldb() const { return trans_b ? k : n; }
};

[[noreturn]] void fail(const std::string& why) {
  std::cerr << why << std::endl;
  std::exit(1);
}

struct Library {
  std::string name;  // with its version
  std::string kernels;
  std::function<void(Product&)> multiply;
};

void* open(std::initializer_list<const char*> names, const char* package) {
  for (const char* name : names)
    if (void* library = dlopen(name, RTLD_NOW)) return library;
  fail(std::string(*names.begin()) + " is not installed (apt install " + package + ")");
}

template <typename Function>
Function* symbol(void* library, const char* name) {
  if (void* found = dlsym(library, name)) return reinterpret_cast<Function*>(found);
  fail(std::string("the library has no ") + name);
}

Library openblas(int threads) {
  void* library = open({"libopenblas.so.0"}, "libopenblas0-pthread");
  symbol<void(int)>(library, "openblas_set_num_threads")(threads);
  using Sgemm = void(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
  auto* sgemm = symbol<Sgemm>(library, "cblas_sgemm");
  const std::string config = symbol<char*()>(library, "openblas_get_config")();
  const int row_major = 101, plain = 111, transposed = 112;
  return {config.substr(0, config.find(' ', config.find(' ') + 1)), symbol<char*()>(library, "openblas_get_corename")(),
          [=](Product& p) {
            sgemm(row_major, p.trans_a ? transposed : plain, p.trans_b ? transposed : plain, p.m, p.n, p.k, 1,
                  p.a.data(), p.lda(), p.b.data(), p.ldb(), 0, p.c.data(), p.n);
          }};
}

// Its threads are OpenMP's: OMP_NUM_THREADS says how many.
Library onednn(int) {
  void* library = open({"libdnnl.so.3", "libdnnl.so.2"}, "libdnnl-dev");
  struct Version {
    int major, minor, patch;
  };
  const auto* version = symbol<const Version*()>(library, "dnnl_version")();
  using Sgemm = int(char, char, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t, float,
                    float*, int64_t);
  auto* sgemm = symbol<Sgemm>(library, "dnnl_sgemm");
  return {"oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
              std::to_string(version->patch),
          "made at run time", [=](Product& p) {
            if (sgemm(p.trans_a ? 'T' : 'N', p.trans_b ? 'T' : 'N', p.m, p.n, p.k, 1, p.a.data(), p.lda(), p.b.data(),
                      p.ldb(), 0, p.c.data(), p.n) != 0)
              fail("dnnl_sgemm failed");
          }};
}

Library eigen(int threads) {
#ifdef WITH_EIGEN
  Eigen::setNbThreads(threads);
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto multiply = [](Product& p) {
    Eigen::Map<const Matrix> a(p.a.data(), p.trans_a ? p.k : p.m, p.lda());
    Eigen::Map<const Matrix> b(p.b.data(), p.trans_b ? p.n : p.k, p.ldb());
    Eigen::Map<Matrix> c(p.c.data(), p.m, p.n);
    if (p.trans_a)
      c.noalias() = a.transpose() * b;
    else if (p.trans_b)
      c.noalias() = a * b.transpose();
    else
      c.noalias() = a * b;
  };
  return {"Eigen " + std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
              std::to_string(EIGEN_MINOR_VERSION),
          Eigen::SimdInstructionSetsInUse(), multiply};
#else
  (void)threads;
  fail("Eigen is not installed (apt install libeigen3-dev)");
#endif
}

// A and B as ../peers/cpu/tensor-file.ts writes them: a line about them, then the numbers of both.
void read(const char* path, Product& p) {
  std::ifstream file(path, std::ios::binary);
  std::string header;
  std::getline(file, header);
  for (auto* values : {&p.a, &p.b})
    file.read(reinterpret_cast<char*>(values->data()), static_cast<std::streamsize>(values->size() * sizeof(float)));
  if (!file) fail(std::string(path) + " does not hold both matrices");
}

long resident(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(field + ":", 0) == 0) return 1024 * std::atol(line.c_str() + field.size() + 1);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 11) fail("usage: libraries LIBRARY THREADS M N K TRANS_A TRANS_B WARM_UPS REPEATS INPUTS");
  const auto number = [&](int i) { return std::atol(argv[i]); };
  const long base = resident("VmRSS");
  const std::string wanted = argv[1];
  const int threads = static_cast<int>(number(2));
  const Library library = wanted == "openblas" ? openblas(threads)
                          : wanted == "onednn" ? onednn(threads)
                                               : eigen(threads);
  Product p{number(3), number(4), number(5), number(6) != 0, number(7) != 0, {}, {}, {}};
  p.a.resize(static_cast<size_t>(p.m * p.k));
  p.b.resize(static_cast<size_t>(p.k * p.n));
  p.c.resize(static_cast<size_t>(p.m * p.n));
  read(argv[10], p);

  library.multiply(p);
  double squares = 0;
  for (const float x : p.c) squares += static_cast<double>(x) * x;
  for (long i = 0; i < number(8); i++) library.multiply(p);
  std::printf("{\"ready\":true,\"values\":[%.9g],\"versions\":{\"library\":\"%s\",\"kernels\":\"%s\"}}\n",
              std::sqrt(squares), library.name.c_str(), library.kernels.c_str());
  std::fflush(stdout);

  for (std::string line; std::getline(std::cin, line) && line != "finish";) {
    const auto start = std::chrono::steady_clock::now();
    for (long i = 0; i < number(9); i++) library.multiply(p);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::printf("{\"seconds\":%.9g,\"value\":null}\n", took.count() / static_cast<double>(number(9)));
    std::fflush(stdout);
  }
  std::printf("{\"peakBytes\":%ld,\"baseBytes\":%ld,\"peakSinceWarmUp\":false}\n", resident("VmHWM"), base);
}

// The thread pool, the queue, plan replay and the bulk tokenizer, used from many threads at once: several devices each
// replay the same plans while others are made and disposed of with work still queued. Every result must be the bits of
// a device alone with one thread. Meant for ThreadSanitizer; without it, a test of the results.
// usage: concurrency FOLDER [ROUNDS]   FOLDER holds the kernels
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/queue.h"
#include "cpu/cpu_backend.h"
#include "ops/registry.h"
#include "tokenizer/bulk_encoder.h"

using namespace pt;

static std::atomic<int> failures{0};

static void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", what);
  failures++;
}

constexpr int64_t R = 130, C = 64, F = 96, H = 4, G = 2, D = 16, T = 65, V = 101;
constexpr int64_t kPacked = (H + 2 * G) * D;
constexpr size_t kSlot = 1 << 17;
constexpr int kSlots = 12;

/// A device as the binding makes one: a backend, and the queue that all its work goes through.
class Device {
 public:
  Device(const std::string& folder, int threads) {
    if (Status s = CpuBackend::create(folder, LEVEL, threads, backend_); !s.ok()) {
      std::fprintf(stderr, "%s\n", s.message);
      std::exit(2);
    }
    require(backend_->allocate(kSlots * kSlot, region_).ok(), "a region is allocated");
    for (size_t i = 0; i < kSlots * kSlot / 4; i++) floats()[i] = static_cast<float>(i % 251) / 251 - 0.4f;
    auto* ids = reinterpret_cast<int32_t*>(region_->data() + 11 * kSlot);
    for (int64_t i = 0; i < R; i++) ids[i] = static_cast<int32_t>(i * 7 % V);
    record();
  }
  ~Device() { queue_.stop(); }

  std::future<bool> run() {
    auto ended = std::make_shared<std::promise<bool>>();
    queue_.push([this, ended](bool cancelled) {
      if (cancelled) return ended->set_value(false);
      backend_->run(plan_, [ended](const Status& status) { ended->set_value(status.ok()); });
    });
    return ended->get_future();
  }

  std::vector<std::byte> memory() {
    std::vector<std::byte> out(region_->bytes());
    std::promise<void> read;
    queue_.push([&](bool) {
      require(backend_->read(*region_, 0, out.data(), out.size()).ok(), "a region is read");
      read.set_value();
    });
    read.get_future().wait();
    return out;
  }

 private:
  float* floats() { return reinterpret_cast<float*>(region_->data()); }

  TensorRequest at(int slot, std::vector<double> shape, DType dtype = DType::f32) {
    return {region_, static_cast<double>(slot * kSlot), dtype, std::move(shape)};
  }

  void add(const char* op, const std::vector<TensorRequest>& tensors, const std::vector<double>& params) {
    const Status status = plan_->record(*find_op(op), tensors, params, backend_->needs());
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.message);
    require(status.ok(), op);
  }

  /// Ops of every way of sharing work: rows, blocks of a product, heads, partial sums, one after the other.
  void record() {
    plan_ = std::make_shared<Plan>("concurrency");
    const DType i32 = DType::i32;
    add("patch_embedding", {at(11, {2, T}, i32), at(10, {V, C}), at(0, {R, C})}, {1});
    add("rms_norm", {at(0, {R, C}), {}, at(1, {C}), {}, at(2, {R, C}), at(3, {R})}, {1e-5});
    add("gemm", {at(2, {R, C}), at(10, {kPacked, C}), at(4, {R, kPacked})}, {0, 1, 0});
    add("attention", {at(4, {R, kPacked}), at(5, {R, H * D}), at(6, {2 * H, T})}, {H, G, D, T});
    add("attention_backward",
        {at(4, {R, kPacked}), at(5, {R, H * D}), at(2, {R, H * D}), at(6, {2 * H, T}), at(7, {R, kPacked})},
        {H, G, D, T});
    add("gemm", {at(2, {R, C}), at(10, {2 * F, C}), at(8, {R, 2 * F})}, {0, 1, 0});
    add("swiglu", {at(8, {R, 2 * F}), at(9, {R, F})}, {});
    add("rms_norm_backward", {at(5, {R, C}), at(0, {R, C}), at(1, {C}), at(3, {R}), at(2, {R, C}), at(6, {C})}, {0, 1});
    add("patch_embedding_backward", {at(11, {2, T}, i32), at(2, {R, C}), at(9, {V, C})}, {1, 0});
  }

  std::unique_ptr<Backend> backend_;
  std::shared_ptr<Region> region_;
  std::shared_ptr<Plan> plan_;
  Queue queue_;  // last: its thread ends before what it uses
};

static std::vector<std::byte> reference(const std::string& folder, int runs) {
  Device device(folder, 1);
  for (int i = 0; i < runs; i++) require(device.run().get(), "a run on a device alone");
  return device.memory();
}

static void replay(const std::string& folder, int threads, int runs, const std::vector<std::byte>& expected) {
  Device device(folder, threads);
  std::vector<std::future<bool>> queued;
  for (int i = 0; i < runs; i++) queued.push_back(device.run());
  for (auto& run : queued) require(run.get(), "a queued run");
  require(device.memory() == expected, "the bits of a device alone");
}

/// Made, given work, and disposed of before most of it has begun.
static void come_and_go(const std::string& folder, int rounds) {
  for (int i = 0; i < rounds; i++) {
    std::vector<std::future<bool>> queued;
    {
      Device device(folder, 1 + i % 3);
      for (int run = 0; run < 4; run++) queued.push_back(device.run());
      if (i % 2) queued[0].wait();
    }
    for (auto& run : queued) run.get();
  }
}

/// Jobs of one task, of few and of many, with and without a pause in which the helpers fall asleep.
static void use_pool(int rounds) {
  Pool pool(4);
  for (int round = 0; round < rounds; round++) {
    const int64_t tasks = round % 7 == 0 ? 1 : round % 50;
    std::vector<int> done(static_cast<size_t>(tasks), 0);
    parallel_for(pool, tasks, [&](int64_t task, int) { done[static_cast<size_t>(task)]++; });
    for (const int times : done) require(times == 1, "every task is done once");
    if (round % 40 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

static std::shared_ptr<const BpeModel> small_model() {
  std::vector<std::string> texts = {"<unk>", "<s>", "</s>"};
  for (int byte = 0; byte < 256; byte++) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", byte);
    texts.emplace_back(text);
  }
  for (const char* piece : {"\xE2\x96\x81", "a", "b", "ab", "abab"}) texts.emplace_back(piece);
  BpeSpec spec{{}, 1, 2, true};
  for (size_t id = 0; id < texts.size(); id++) {
    const PieceType type = id == 0 ? PieceType::unknown : id < 3 ? PieceType::control : PieceType::byte;
    spec.pieces.push_back({texts[id], static_cast<float>(id), id < 259 ? type : PieceType::normal});
  }
  std::shared_ptr<const BpeModel> model;
  require(BpeModel::create(spec, &model).ok(), "a vocabulary");
  return model;
}

/// One model, several encoders, each with threads of its own; one of them is cancelled from outside.
static void encode(const std::shared_ptr<const BpeModel>& model, int rounds) {
  std::string text;
  while (text.size() < 200'000) text += "abab ab a xy ";
  std::vector<int32_t> expected;
  Encoder(model).append(text, true, expected);
  BulkEncoder bulk(model);
  for (int i = 0; i < rounds; i++) {
    EncodedDocuments documents;
    require(bulk.encode({text, "", text}, {false, false, 1 + i % 3}, &documents).ok(), "documents are encoded");
    std::vector<int32_t> ids(documents.tokens()), offsets(4);
    documents.copy_to(ids.data(), offsets.data());
    require(ids.size() == 2 * expected.size() && std::equal(expected.begin(), expected.end(), ids.begin()),
            "their ids");
  }
  std::thread cancelling([&bulk] { bulk.cancel(); });
  EncodedDocuments documents;
  (void)bulk.encode({text}, {false, false, 2}, &documents);
  cancelling.join();
}

int main(int count, char** arguments) {
  if (count < 2) return std::fprintf(stderr, "usage: concurrency FOLDER [ROUNDS]\n"), 2;
  const std::string folder = arguments[1];
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 5;
  const std::vector<std::byte> expected = reference(folder, rounds);
  const std::shared_ptr<const BpeModel> model = small_model();
  std::vector<std::thread> threads;
  for (const int workers : {1, 2, 3, 4}) threads.emplace_back(replay, folder, workers, rounds, expected);
  for (int i = 0; i < 2; i++) threads.emplace_back(come_and_go, folder, rounds);
  for (int i = 0; i < 2; i++) threads.emplace_back(use_pool, 100 * rounds);
  for (int i = 0; i < 2; i++) threads.emplace_back(encode, model, rounds);
  for (std::thread& thread : threads) thread.join();
  std::printf("%d rounds, %d failures\n", rounds, failures.load());
  return failures > 0;
}

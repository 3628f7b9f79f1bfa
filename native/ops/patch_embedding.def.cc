#include "ops/patch_embedding.h"

namespace pt {
constexpr double kMaxPatch = 1 << 20;

/// ids [B, S] in patches of K make R = B·S/K rows; the table and the rows have one width.
static Status check_rows(const TensorView& ids, int64_t K, const TensorView& table, const TensorView& rows,
                         const char* rows_name) {
  const int64_t B = ids.shape[0], S = ids.shape[1];
  PT_CHECK(S % K == 0, "ids is [%lld, %lld]; %lld tokens cannot be cut into patches of %lld", (long long)B,
           (long long)S, (long long)S, (long long)K);
  PT_CHECK(rows.shape[0] == B * (S / K), "%s has %lld rows; ids [%lld, %lld] in patches of %lld make %lld", rows_name,
           (long long)rows.shape[0], (long long)B, (long long)S, (long long)K, (long long)(B * (S / K)));
  PT_CHECK(rows.shape[1] == table.shape[1], "%s has %lld columns, the table has %lld; they must be equal", rows_name,
           (long long)rows.shape[1], (long long)table.shape[1]);
  return Status::success();
}

static Status check_vectors(int64_t C) {
  PT_CHECK(C % 8 == 0, "C is %lld; on CUDA it needs a multiple of 8. Choose another width, or device: 'cpu'",
           (long long)C);
  return Status::success();
}
}  // namespace pt

namespace pt::patch_embedding {
static const TensorSlot kTensors[] = {
    {"ids", SlotType::i32, 2, Access::read},
    {"table", SlotType::compute, 2, Access::read},
    {"y", SlotType::compute, 2, Access::write},
};
static const ParamSlot kParams[] = {{"patch", true, 1, kMaxPatch}};

static Status check(const Command& c) {
  return check_rows(c.tensor(ids), c.integer(patch), c.tensor(table), c.tensor(y), "y");
}

static Cost cost(const Command& c) {
  const double tokens = static_cast<double>(c.tensor(ids).size()), C = static_cast<double>(c.dim(y, 1));
  const double rows = tokens * C * static_cast<double>(size_of(c.tensor(table).dtype));
  return {tokens * C, rows + c.bytes({ids, y})};
}

static Status cuda_check(const Command& c) { return check_vectors(c.dim(y, 1)); }

const OpDef def = make_op("patch_embedding", kTensors, kParams, check, cost).on_cuda(cuda_check);
}  // namespace pt::patch_embedding

namespace pt::patch_embedding_backward {
static const TensorSlot kTensors[] = {
    {"ids", SlotType::i32, 2, Access::read},
    {"dy", SlotType::compute, 2, Access::read},
    {"dtable", SlotType::f32, 2, Access::update},
};
static const ParamSlot kParams[] = {{"patch", true, 1, kMaxPatch}, {"accumulate", true, 0, 1}};

static Status check(const Command& c) {
  return check_rows(c.tensor(ids), c.integer(patch), c.tensor(dtable), c.tensor(dy), "dy");
}

static Cost cost(const Command& c) {
  const double tokens = static_cast<double>(c.tensor(ids).size()), C = static_cast<double>(c.dim(dy, 1));
  const double table_bytes = static_cast<double>(c.tensor(dtable).bytes());
  return {tokens * C, tokens * 4 + static_cast<double>(c.tensor(dy).bytes()) + table_bytes};
}

static size_t workspace(const Command& c, int) {
  return static_cast<size_t>(c.dim(dtable, 0) + 1 + c.tensor(ids).size()) * sizeof(int64_t);
}

static Status cuda_check(const Command& c) { return check_vectors(c.dim(dtable, 1)); }
static size_t cuda_workspace(const Command& c) { return CudaWorkspace(c.tensor(ids).size(), c.dim(dtable, 1)).bytes; }

const OpDef def = make_op("patch_embedding_backward", kTensors, kParams, check, cost)
                      .on_cpu(workspace)
                      .on_cuda(cuda_check, cuda_workspace);
}  // namespace pt::patch_embedding_backward

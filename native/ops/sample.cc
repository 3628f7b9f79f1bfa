#include "ops/sample.h"

#include <algorithm>
#include <cmath>

#include "core/philox.h"
#include "cpu/kernels.h"

namespace pt::cpu {
using pt::sample::Candidate;

namespace {
bool less_probable(const Candidate& a, const Candidate& b) { return a.p != b.p ? a.p < b.p : a.id > b.id; }

/// Candidates are read from the end of their array: most probable first once ranked, else by id.
struct Choice {
  int64_t count;
  double mass;
};

/// Ranks only as many tokens as may be drawn, with a heap: a few usually hold the mass, and sorting a whole
/// vocabulary for each token would cost more than the rest of the draw.
Choice restrict_choice(Candidate* all, int64_t V, double mass, int64_t top_k, double top_p) {
  const int64_t limit = top_k == 0 ? V : std::min(top_k, V);
  if (limit == V && top_p >= 1) return {V, mass};

  int64_t ranked = 0;
  const auto rank_next = [&] {
    std::pop_heap(all, all + V - ranked, less_probable);
    return all[V - ++ranked].p;
  };
  std::make_heap(all, all + V, less_probable);
  if (limit < V) {
    mass = 0;
    while (ranked < limit) mass += rank_next();
  }
  Choice choice{0, 0};
  do {
    if (choice.count == ranked) rank_next();
    choice.mass += all[V - ++choice.count].p;
  } while (choice.count < limit && choice.mass < top_p * mass);
  return choice;
}

int64_t draw(const Candidate* all, int64_t V, Choice choice, double uniform) {
  const double target = uniform * choice.mass;  // below the mass, which is the same sum in the same order
  double sum = 0;
  for (int64_t rank = 1; rank <= choice.count; rank++) {
    sum += all[V - rank].p;
    if (sum > target) return all[V - rank].id;
  }
  return all[V - choice.count].id;
}
}  // namespace

Status sample(const Command& c, const Launch& launch) {
  namespace op = pt::sample;
  const float* logits = c.f32(op::logits);
  const int64_t V = c.dim(op::logits, 0);
  const double temperature = c.params[op::temperature];

  int64_t best = 0;
  for (int64_t v = 0; v < V; v++) {
    if (std::isnan(logits[v]) || logits[v] == INFINITY)
      return Status::error(Code::out_of_range, "the logit of token %lld is %f; the model has diverged", (long long)v,
                           static_cast<double>(logits[v]));
    if (logits[v] > logits[best]) best = v;
  }
  if (logits[best] == -INFINITY)
    return Status::error(Code::out_of_range, "all %lld logits are -inf; no token can be drawn", (long long)V);
  if (temperature == 0) {
    *c.i32(op::token) = static_cast<int32_t>(best);
    return Status::success();
  }

  Candidate* all = static_cast<Candidate*>(launch.workspace);
  double mass = 0;
  for (int64_t v = 0; v < V; v++) {
    const double p = std::exp((static_cast<double>(logits[v]) - static_cast<double>(logits[best])) / temperature);
    all[V - 1 - v] = {p, v};
    mass += p;
  }
  const Choice choice = restrict_choice(all, V, mass, c.integer(op::top_k), c.params[op::top_p]);
  const Philox random{static_cast<uint32_t>(c.integer(op::seed_low)), static_cast<uint32_t>(c.integer(op::seed_high)),
                      op::kStream};
  const Philox::Block block = random(static_cast<uint32_t>(*c.i32(op::counter)));
  *c.i32(op::token) = static_cast<int32_t>(draw(all, V, choice, Philox::uniform(block.v[0])));
  return Status::success();
}

}  // namespace pt::cpu

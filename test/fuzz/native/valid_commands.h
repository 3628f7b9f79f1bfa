// Shapes and parameters that each op accepts, for dimensions small enough to run thousands of times a second.
// The same table as test/native/valid-commands.ts.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "byte_source.h"

namespace pt::fuzz {

struct Dimensions {
  double B, T, K, C, G, group, D, F, V;
};

inline Dimensions read_dimensions(ByteSource& in) {
  const auto from = [&in](int least, int count) { return static_cast<double>(least + in.below(count)); };
  Dimensions d;
  d.B = from(1, 3);
  d.T = from(1, 80);
  d.K = from(1, 4);
  d.C = from(1, 40);
  d.G = from(1, 2);
  d.group = from(1, 3);
  d.D = 2 * from(1, 10);
  d.F = from(1, 20);
  d.V = from(1, 50);
  return d;
}

struct ValidCommand {
  std::map<std::string, std::vector<double>> shapes;
  std::map<std::string, double> params;
};

inline std::map<std::string, ValidCommand> valid_commands(const Dimensions& d) {
  const double B = d.B, T = d.T, K = d.K, C = d.C, G = d.G, D = d.D, F = d.F, V = d.V;
  const double R = B * T, H = G * d.group, packed = (H + 2 * G) * D;
  const std::map<std::string, double> heads = {{"heads", H}, {"kv_heads", G}, {"head_dim", D}};
  const std::map<std::string, double> heads_at = {{"heads", H}, {"kv_heads", G}, {"head_dim", D}, {"positions", T}};
  return {
      {"fill", {{{"y", {R, C}}}, {{"value", 1}}}},
      {"fill_normal", {{{"y", {R, C}}}, {{"seed_low", 1}, {"seed_high", 2}, {"stream", 3}, {"std", 0.5}}}},
      {"copy", {{{"x", {R}}, {"y", {R, 1}}}, {}}},
      {"add", {{{"x", {R, C}}, {"y", {R, C}}}, {}}},
      {"convert", {{{"x", {R, C}}, {"y", {R, C}}}, {}}},
      {"gemm", {{{"a", {R, C}}, {"b", {F, C}}, {"c", {R, F}}}, {{"trans_a", 0}, {"trans_b", 1}, {"accumulate", 1}}}},
      {"patch_embedding", {{{"ids", {B, T * K}}, {"table", {V, C}}, {"y", {R, C}}}, {{"patch", K}}}},
      {"patch_embedding_backward",
       {{{"ids", {B, T * K}}, {"dy", {R, C}}, {"dtable", {V, C}}}, {{"patch", K}, {"accumulate", 0}}}},
      {"rms_norm",
       {{{"x", {R, C}}, {"delta", {R, C}}, {"weight", {C}}, {"sum", {R, C}}, {"y", {R, C}}, {"rstd", {R}}},
        {{"eps", 1e-5}}}},
      {"rms_norm_backward",
       {{{"dy", {R, C}}, {"x", {R, C}}, {"weight", {C}}, {"rstd", {R}}, {"dx", {R, C}}, {"dweight", {C}}},
        {{"accumulate_dx", 1}, {"accumulate_dweight", 0}}}},
      {"rope",
       {{{"x", {R, packed}}, {"cos", {T, D / 2}}, {"sin", {T, D / 2}}, {"position", {1}}},
        {{"heads", H + G}, {"head_dim", D}, {"positions", T}, {"inverse", 0}}}},
      {"attention", {{{"qkv", {R, packed}}, {"y", {R, H * D}}, {"lse", {B * H, T}}}, heads_at}},
      {"attention_backward",
       {{{"qkv", {R, packed}}, {"y", {R, H * D}}, {"dy", {R, H * D}}, {"lse", {B * H, T}}, {"dqkv", {R, packed}}},
        heads_at}},
      {"swiglu", {{{"gate_up", {R, 2 * F}}, {"y", {R, F}}}, {}}},
      {"swiglu_backward", {{{"gate_up", {R, 2 * F}}, {"dy", {R, F}}, {"dgate_up", {R, 2 * F}}}, {}}},
      {"cross_entropy",
       {{{"logits", {R, V}}, {"ids", {B, T * K}}, {"loss", {R}}, {"scale", {1}}},
        {{"first_row", 0}, {"positions", T}, {"patch", K}, {"gradient", 1}}}},
      {"sum_loss", {{{"loss", {R}}, {"total", {1}}}, {{"accumulate", 1}}}},
      {"grad_norm", {{{"gradient", {R, C}}, {"result", {3}}, {"loss", {1}}, {"limits", {2}}}, {{"max_norm", 1}}}},
      {"adamw",
       {{{"weight", {C}}, {"gradient", {C}}, {"m", {C}}, {"v", {C}}, {"step", {3}}, {"clip", {3}}, {"rounded", {C}}},
        {{"beta1", 0.9}, {"beta2", 0.95}, {"eps", 1e-8}, {"weight_decay", 0.1}}}},
      {"kv_append", {{{"qkv", {T, packed}}, {"cache", {2, T + 3, G * D}}, {"position", {1}}}, heads}},
      {"cached_attention",
       {{{"qkv", {T, packed}}, {"cache", {2, T + 3, G * D}}, {"y", {T, H * D}}, {"position", {1}}}, heads}},
      {"repetition_penalty", {{{"logits", {V}}, {"seen", {V}}}, {{"penalty", 1.2}}}},
      {"sample",
       {{{"logits", {V}}, {"token", {1}}, {"counter", {1}}},
        {{"seed_low", 1}, {"seed_high", 2}, {"temperature", 0.7}, {"top_k", 3}, {"top_p", 0.9}}}},
  };
}

}  // namespace pt::fuzz

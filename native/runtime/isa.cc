#include "native/runtime/isa.h"

#include <cstdlib>

#include "native/abi/backends.h"
#include "native/runtime/error.h"

namespace rnnative {
namespace {

struct Variant {
  const char* name;
  const RnBackend* (*backend)();
  bool supported;
};

// Slowest first.
const std::vector<Variant>& variants() {
#if defined(__aarch64__)
  static const auto* const all = new std::vector<Variant>{{"neon", rn_backend_cpu_neon, true}};
#else
  __builtin_cpu_init();
  [[maybe_unused]] static const bool avx2 = __builtin_cpu_supports("avx2") &&
                                            __builtin_cpu_supports("fma") &&
                                            __builtin_cpu_supports("f16c");
#ifdef RN_EMULATE_AVX512  // the avx512 variants were compiled for AVX2
  [[maybe_unused]] static const bool avx512 = avx2, avx512bf16 = avx2;
#else
  [[maybe_unused]] static const bool avx512 =
      avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  [[maybe_unused]] static const bool avx512bf16 =
      avx512 && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
#endif
  static const auto* const all = new std::vector<Variant>{
#ifdef RN_HAVE_ISA_GENERIC
      {"generic", rn_backend_cpu_generic, true},
#endif
#ifdef RN_HAVE_ISA_AVX2
      {"avx2", rn_backend_cpu_avx2, avx2},
#endif
#ifdef RN_HAVE_ISA_AVX512
      {"avx512", rn_backend_cpu_avx512, avx512},
#endif
#ifdef RN_HAVE_ISA_AVX512BF16
      {"avx512bf16", rn_backend_cpu_avx512bf16, avx512bf16},
#endif
  };
#endif
  return *all;
}

}  // namespace

const std::vector<std::string>& available_isas() {
  static const auto* const names = [] {
    auto* list = new std::vector<std::string>;
    for (const Variant& variant : variants())
      if (variant.supported) list->push_back(variant.name);
    return list;
  }();
  return *names;
}

const RnBackend& cpu_backend(const std::string& isa, const char* source) {
  for (const Variant& variant : variants())
    if (variant.supported && isa == variant.name) return *variant.backend();
  std::string choices;
  for (const std::string& name : available_isas()) choices += (choices.empty() ? "" : ", ") + name;
  throw Error("ERR_ARGUMENT", "[isa] " + std::string(source) + ": expected one of " + choices +
                                  " on this machine, got '" + isa.substr(0, 40) + "'");
}

const RnBackend& default_cpu_backend() {
  const char* asked = std::getenv("RNNATIVE_ISA");
  if (asked && *asked) return cpu_backend(asked, "RNNATIVE_ISA");
  return cpu_backend(available_isas().back(), "default");
}

}  // namespace rnnative

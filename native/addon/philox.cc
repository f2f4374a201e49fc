// Random words for tests and for sampling on the host, by the same generator as the kernels use.
#include "native/runtime/philox.h"

#include "native/addon/arguments.h"
#include "native/addon/bindings.h"
#include "native/runtime/stream_key.h"

namespace rnnative::addon {
namespace {

constexpr int64_t kAnyInteger = (int64_t{1} << 53) - 1;
constexpr int64_t kMaxBlocks = int64_t{1} << 22;

Napi::Value stream_key_of(const Info& info) {
  const int64_t seed = integer_arg(info, 0, -kAnyInteger, kAnyInteger, "stream_key", "seed");
  const uint64_t key = stream_key(seed, to_string(info[1], "stream_key", "path"));
  auto words = Napi::Uint32Array::New(info.Env(), 2);
  words[0] = static_cast<uint32_t>(key);
  words[1] = static_cast<uint32_t>(key >> 32);
  return words;
}

Napi::Value philox(const Info& info) {
  const RnRandom random = to_random(info[0], "philox", "random");
  const int64_t first = integer_arg(info, 1, 0, UINT32_MAX, "philox", "firstBlock");
  const int64_t blocks = integer_arg(info, 2, 0, kMaxBlocks, "philox", "blocks");
  auto words = Napi::Uint32Array::New(info.Env(), static_cast<size_t>(blocks) * 4);
  for (int64_t block = 0; block < blocks; ++block)
    rn_random_block(&random, 0, 0, static_cast<uint64_t>(first + block), words.Data() + 4 * block);
  return words;
}

}  // namespace

void export_philox(Napi::Env env, Napi::Object exports) {
  export_function<&stream_key_of>(env, exports, "streamKey");
  export_function<&philox>(env, exports, "philox");
}

}  // namespace rnnative::addon

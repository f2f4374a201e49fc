// Keys of random streams: a 64-bit hash of (seed, module path), the same on every platform.
#ifndef RNNATIVE_RUNTIME_STREAM_KEY_H_
#define RNNATIVE_RUNTIME_STREAM_KEY_H_

#include <cstdint>
#include <string_view>

namespace rnnative {

// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
inline uint64_t mix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// FNV-1a over the path's UTF-8 bytes, started from the mixed seed and mixed again.
inline uint64_t stream_key(int64_t seed, std::string_view path) {
  uint64_t hash = 0xCBF29CE484222325u ^ mix64(static_cast<uint64_t>(seed));
  for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return mix64(hash);
}

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_STREAM_KEY_H_

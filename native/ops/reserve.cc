#include "native/ops/reserve.h"

#include <cstdio>
#include <cstring>

namespace rnnative {

namespace {

// As long as a cache line, so that the backend's part stays aligned.
struct Header {
  const RnBackend* backend;
  uint64_t hash;
  uint64_t magic;
  uint64_t padding[5];
};
static_assert(sizeof(Header) == 64);

constexpr uint64_t kMagic = 0x7265736572766531;  // "reserve1"

}  // namespace

Reserve::Reserve(size_t bytes, std::initializer_list<int64_t> sizes)
    : bytes_(static_cast<int64_t>(bytes + sizeof(Header))), hash_(14695981039346656037u) {
  for (int64_t size : sizes) hash_ = (hash_ ^ static_cast<uint64_t>(size)) * 1099511628211u;
}

Tensor Reserve::make(const Checker& check) const {
  return check.make(Shape{bytes_}, DType::kU8);
}

void Reserve::check(const Checker& check, const Tensor& t) const {
  check.bytes("reserve", t, bytes_);
}

void* Reserve::open_for_write(OpRun& run, const Tensor& t) const {
  if (!t) return nullptr;
  char* start = static_cast<char*>(run.data(t));
  if (t.device != Device::kCuda) {
    const Header header = {&run.backend(), hash_, kMagic, {}};
    std::memcpy(start, &header, sizeof header);
  }
  return start + sizeof(Header);
}

const void* Reserve::open_for_read(OpRun& run, const Tensor& t) const {
  const char* start = static_cast<const char*>(run.data(t));
  if (t.device != Device::kCuda) {
    Header header;
    std::memcpy(&header, start, sizeof header);
    if (header.magic != kMagic || header.hash != hash_ || header.backend != &run.backend()) {
      RnContext* context = run.context();
      std::snprintf(context->error, sizeof context->error,
                    "reserve: expected one made by the same forward op on backend %s",
                    run.backend().name);
      return nullptr;
    }
  }
  return start + sizeof(Header);
}

}  // namespace rnnative

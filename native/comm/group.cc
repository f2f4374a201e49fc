#include "native/comm/group.h"

#include <dlfcn.h>

#include <atomic>

#include "native/abi/floor.h"

namespace rnnative {
namespace {

std::atomic<const RnComm*> opened{nullptr};

}  // namespace

const RnComm* open_group(const std::string& library, double timeout, std::string* error) {
  // One at a time; whoever comes second finds it open.
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (opened.load() != nullptr) return opened.load();
  // Global: an MPI's own plug-ins look its symbols up. It stays open, as its thread runs in it.
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (handle == nullptr) {
    const char* reason = dlerror();
    *error = reason ? reason : "cannot be opened";
    return nullptr;
  }
  const auto entry = reinterpret_cast<RnCommEntry>(dlsym(handle, RN_COMM_ENTRY_NAME));
  if (entry == nullptr) {
    *error = library + " does not export " RN_COMM_ENTRY_NAME;
    return nullptr;
  }
  char text[512] = "";
  const RnComm* const found = entry(RN_COMM_ABI, timeout, text);
  if (found == nullptr)
    *error = text;
  else if (found->struct_size != sizeof(RnComm))
    *error = library + " was built from other sources than the addon";
  else
    opened.store(found);
  return opened.load();
}

const RnComm* group() {
  return opened.load();
}

void Awaited::done(void* self, const char* error, const void*, const int64_t*) {
  auto* awaited = static_cast<Awaited*>(self);
  const std::lock_guard lock(awaited->mutex_);
  ++awaited->done_;
  if (error != nullptr && awaited->error_.empty()) awaited->error_ = error;
  awaited->changed_.notify_all();
}

std::string Awaited::wait(int calls) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return done_ >= calls; });
  return error_;
}

}  // namespace rnnative

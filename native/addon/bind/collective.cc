// groupOpen, groupTicket, groupSum, groupBegin, groupWait, groupGather, groupBroadcast,
// groupBarrier, groupAbort, groupClose.
#include "native/ops/collective.h"

#include <cstring>
#include <thread>

#include "native/addon/arguments.h"
#include "native/addon/environment.h"
#include "native/addon/typed_array.h"
#include "native/comm/group.h"

namespace rnnative::addon {
namespace {

const RnComm& opened(const char* op) {
  const RnComm* const ranks = group();
  if (ranks == nullptr)
    throw Error("ERR_UNSUPPORTED", "[" + std::string(op) + "] no group is open");
  return *ranks;
}

// Bytes on their way to other ranks, and what came of them.
struct Exchange {
  std::vector<char> sent;
  std::vector<std::vector<char>> received;
  size_t parts = 0;
  Done done;
};

void finish(void* argument, const char* error, const void* data, const int64_t* bytes) {
  const auto* exchange = static_cast<std::shared_ptr<Exchange>*>(argument);
  const char* at = static_cast<const char*>(data);
  for (size_t i = 0; error == nullptr && i < (*exchange)->parts; ++i) {
    (*exchange)->received.emplace_back(at, at + bytes[i]);
    at += bytes[i];
  }
  (*exchange)->done(error ? make_failure("group", "ERR_DEVICE", error) : nullptr);
  delete exchange;
}

napi_value to_arrays(napi_env raw, const Exchange& exchange) {
  try {
    const Napi::Env env(raw);
    Napi::Array arrays = Napi::Array::New(env, exchange.received.size());
    for (size_t i = 0; i < exchange.received.size(); ++i) {
      const std::vector<char>& bytes = exchange.received[i];
      Napi::ArrayBuffer buffer = new_buffer(env, bytes.size());
      if (buffer.IsEmpty()) return nullptr;
      if (!bytes.empty()) std::memcpy(buffer.Data(), bytes.data(), bytes.size());
      arrays[static_cast<uint32_t>(i)] = Napi::Uint8Array::New(env, bytes.size(), buffer, 0);
    }
    return arrays;
  } catch (const Napi::Error&) {
    return nullptr;  // the environment is going away
  }
}

using Call = std::function<void(const Exchange&, RnCommDone, void*)>;

// A promise of `parts` byte arrays that `call` brings.
Napi::Value exchange(const Info& info, std::vector<char> sent, size_t parts, const Call& call) {
  const auto made = std::make_shared<Exchange>();
  made->sent = std::move(sent);
  made->parts = parts;
  const auto request = std::make_shared<Request>();
  request->value = [made](napi_env env) { return to_arrays(env, *made); };
  return Environment::of(info.Env()).promise(info.Env(), request, [&](const Done& done) {
    made->done = done;
    call(*made, finish, new std::shared_ptr<Exchange>(made));
  });
}

std::vector<char> bytes_arg(const Info& info, size_t i, const char* op) {
  if (!info[i].IsTypedArray() ||
      info[i].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    throw Error("ERR_ARGUMENT", "[" + std::string(op) + "] data: expected a Uint8Array");
  const auto array = info[i].As<Napi::Uint8Array>();
  const char* const data = reinterpret_cast<const char*>(array.Data());
  return array.ByteLength() == 0 ? std::vector<char>()
                                 : std::vector<char>(data, data + array.ByteLength());
}

// {rank, size, name}.
Napi::Value open(const Info& info) {
  const std::string library = to_string(info[0], "group_open", "library");
  const double timeout = to_number_in(info[1], 0.1, 86400, "group_open", "timeout");
  const auto request = std::make_shared<Request>();
  request->value = [](napi_env env) -> napi_value {
    try {
      const RnComm& ranks = *group();
      Napi::Object result = Napi::Object::New(env);
      result["rank"] = ranks.rank;
      result["size"] = ranks.size;
      result["name"] = ranks.name;
      return result;
    } catch (const Napi::Error&) {
      return nullptr;
    }
  };
  return Environment::of(info.Env()).promise(info.Env(), request, [&](const Done& done) {
    std::thread([library, timeout, done] {
      std::string error;
      const bool found = open_group(library, timeout, &error) != nullptr;
      done(found ? nullptr : make_failure("parallel", "ERR_UNSUPPORTED", error));
    }).detach();
  });
}

Napi::Value ticket(const Info& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(group_ticket()));
}

int64_t ticket_arg(const Info& info, size_t i, const char* op) {
  return integer_arg(info, i, 1, int64_t{1} << 53, op, "ticket");
}

Napi::Value sum(const Info& info) {
  const Tensor tensor = tensor_arg(info, 0, "group_sum", "tensor");
  group_sum(Environment::of(info.Env()).queue(tensor.device), tensor,
            bool_arg(info, 1, "group_sum", "bf16"), ticket_arg(info, 2, "group_sum"),
            bool_arg(info, 3, "group_sum", "divides"));
  return info.Env().Undefined();
}

Napi::Value begin(const Info& info) {
  group_begin(ticket_arg(info, 0, "group_begin"));
  return info.Env().Undefined();
}

Napi::Value wait(const Info& info) {
  const Device device = to_device(info[0], "group_wait", "device");
  group_wait(Environment::of(info.Env()).queue(device), ticket_arg(info, 1, "group_wait"));
  return info.Env().Undefined();
}

Napi::Value gather(const Info& info) {
  const RnComm& ranks = opened("group_gather");
  return exchange(info, bytes_arg(info, 0, "group_gather"), static_cast<size_t>(ranks.size),
                  [&](const Exchange& of, RnCommDone done, void* argument) {
                    ranks.gather(&ranks, of.sent.data(), static_cast<int64_t>(of.sent.size()), done,
                                 argument);
                  });
}

Napi::Value broadcast(const Info& info) {
  const RnComm& ranks = opened("group_broadcast");
  const auto root =
      static_cast<int32_t>(integer_arg(info, 1, 0, ranks.size - 1, "group_broadcast", "root"));
  return exchange(info, bytes_arg(info, 0, "group_broadcast"), 1,
                  [&](const Exchange& of, RnCommDone done, void* argument) {
                    ranks.broadcast(&ranks, root, of.sent.data(),
                                    static_cast<int64_t>(of.sent.size()), done, argument);
                  });
}

Napi::Value barrier(const Info& info) {
  const RnComm& ranks = opened("group_barrier");
  return exchange(info, {}, 0, [&](const Exchange&, RnCommDone done, void* argument) {
    ranks.barrier(&ranks, done, argument);
  });
}

Napi::Value abort(const Info& info) {
  const RnComm& ranks = opened("group_abort");
  ranks.abort(&ranks, to_string(info[0], "group_abort", "message").c_str());
  return info.Env().Undefined();
}

// Nothing where no group is open.
Napi::Value close(const Info& info) {
  const auto status = static_cast<int32_t>(integer_arg(info, 0, 0, 255, "group_close", "status"));
  if (const RnComm* const ranks = group()) ranks->close(ranks, status);
  return info.Env().Undefined();
}

}  // namespace
}  // namespace rnnative::addon

namespace rnnative {

void bind_collective(Napi::Env env, Napi::Object exports) {
  addon::export_function<&addon::open>(env, exports, "groupOpen");
  addon::export_function<&addon::ticket>(env, exports, "groupTicket");
  addon::export_function<&addon::sum>(env, exports, "groupSum");
  addon::export_function<&addon::begin>(env, exports, "groupBegin");
  addon::export_function<&addon::wait>(env, exports, "groupWait");
  addon::export_function<&addon::gather>(env, exports, "groupGather");
  addon::export_function<&addon::broadcast>(env, exports, "groupBroadcast");
  addon::export_function<&addon::barrier>(env, exports, "groupBarrier");
  addon::export_function<&addon::abort>(env, exports, "groupAbort");
  addon::export_function<&addon::close>(env, exports, "groupClose");
}

}  // namespace rnnative

/* The ranks of a run, processes that compute together: a table of what they do as one. Plain C, so
 * that a library built elsewhere, against whatever moves the bytes, can fill it.
 *
 * A call returns at once; `done` is called on a thread of the group's own when it has come about.
 * Every rank makes the same calls in the same order: of `sum` in one order, of all others in
 * another, as sums come from the engine and the rest from JavaScript. */
#ifndef RNNATIVE_COMM_COMM_H_
#define RNNATIVE_COMM_COMM_H_

#include <stdint.h>

#define RN_COMM_ABI 2u

enum RnCommType {
  RN_COMM_F32 = 0,
  RN_COMM_F64 = 1,
  RN_COMM_F32_AS_BF16 = 2 /* f32 in memory, rounded to bf16 on the way, added in f32 */
};

/* `error`: null where it worked. `data` and `bytes` are what gather and broadcast bring, and are
 * gone when `done` returns: of gather the bytes of all ranks one after the other, and how many of
 * each. */
typedef void (*RnCommDone)(void* argument, const char* error, const void* data,
                           const int64_t* bytes);

typedef struct RnComm RnComm;
struct RnComm {
  uint32_t abi;
  uint32_t struct_size;
  int32_t rank;
  int32_t size;
  char name[256]; /* such as "Open MPI 4.1.4, thread level multiple" */
  /* data[i] becomes the sum of that of all ranks, added in their order, the same bits on each.
   * `divisor`: null, or a number of f32 (of F64 sums f64) that an earlier sum gives, by which this
   * one is divided; read when it begins. */
  void (*sum)(const RnComm*, void* data, int64_t count, int32_t type, const void* divisor,
              RnCommDone done, void* argument);
  /* What it is given stays until `done`, here and below. */
  void (*gather)(const RnComm*, const void* data, int64_t bytes, RnCommDone done, void* argument);
  /* `data` and `bytes` are looked at on rank `root` alone. */
  void (*broadcast)(const RnComm*, int32_t root, const void* data, int64_t bytes, RnCommDone done,
                    void* argument);
  void (*barrier)(const RnComm*, RnCommDone done, void* argument);
  /* 1: from now on a thread does nothing but wait for this group; -1: it does no more. While none
   * does the group is sparing of the processor. */
  void (*hurry)(const RnComm*, int32_t change);
  /* Ends the processes of all ranks, and says why on standard error. */
  void (*abort)(const RnComm*, const char* message);
  /* Leaves the group as the process ends with `status`, and returns when all have, or ends them if
   * this one failed. */
  void (*close)(const RnComm*, int32_t status);
};

/* What such a library exports as RN_COMM_ENTRY_NAME. Waits until all ranks have come. A rank that
 * is not heard of for `timeout` seconds ends all. Null, and why in `error`, where there is no
 * group; it stays open until close. */
#define RN_COMM_ENTRY_NAME "rnnative_comm_open"
typedef const RnComm* (*RnCommEntry)(uint32_t abi, double timeout, char error[512]);

#endif /* RNNATIVE_COMM_COMM_H_ */

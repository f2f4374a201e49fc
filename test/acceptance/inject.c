// LD_PRELOAD: makes a file operation below FAULT_DIR fail. What and when stands in the file FAULT_CONTROL, which is
// mapped: whoever runs under this library arms it by writing there. It counts what it sees, by kind.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN, WRITE, FSYNC, RENAME, MKDIR, UNLINK, LINK, TRUNCATE, CLOSE, KINDS };

static struct {
  int armed;  // 0: nothing is counted
  int error;  // an errno
  int at;     // the call that fails, from 1; 0: none
  int lasting; // whether all after it fail, too
  int calls, failed;
  int kinds[KINDS], failed_kind;
} *control;
static const char *folder;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("FAULT_CONTROL");
  folder = getenv("FAULT_DIR");
  int fd = path ? open(path, O_RDWR) : -1;
  if (fd < 0 || !folder) return;
  void *page = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page != MAP_FAILED) control = page;
}

static int below(const char *path) {
  size_t length = folder ? strlen(folder) : 0;
  return path && length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static int fails(int kind, const char *path) {
  if (!control || !control->armed || !below(path)) return 0;
  int call = __atomic_add_fetch(&control->calls, 1, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&control->kinds[kind], 1, __ATOMIC_SEQ_CST);
  if (!control->at || call < control->at || (call > control->at && !control->lasting)) return 0;
  if (call == control->at) control->failed_kind = kind;
  __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
  errno = control->error;
  return 1;
}

static int fd_fails(int kind, int fd) {
  if (!control || !control->armed) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return fails(kind, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPENING(name)                                       \
  int name(const char *path, int flags, ...) {              \
    va_list more;                                           \
    va_start(more, flags);                                  \
    mode_t mode = va_arg(more, mode_t);                     \
    va_end(more);                                           \
    return fails(OPEN, path) ? -1 : REAL(name)(path, flags, mode); \
  }
OPENING(open)
OPENING(open64)

#define OF_FD(type, kind, name, parameters, arguments) \
  type name parameters { return fd_fails(kind, fd) ? -1 : REAL(name) arguments; }
OF_FD(ssize_t, WRITE, write, (int fd, const void *data, size_t size), (fd, data, size))
OF_FD(ssize_t, WRITE, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
OF_FD(ssize_t, WRITE, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
OF_FD(ssize_t, WRITE, writev, (int fd, const struct iovec *data, int count), (fd, data, count))
OF_FD(ssize_t, WRITE, pwritev, (int fd, const struct iovec *data, int count, off_t at), (fd, data, count, at))
OF_FD(ssize_t, WRITE, pwritev64, (int fd, const struct iovec *data, int count, off64_t at), (fd, data, count, at))
OF_FD(int, FSYNC, fsync, (int fd), (fd))
OF_FD(int, FSYNC, fdatasync, (int fd), (fd))
OF_FD(int, TRUNCATE, ftruncate, (int fd, off_t size), (fd, size))
OF_FD(int, TRUNCATE, ftruncate64, (int fd, off64_t size), (fd, size))

// The descriptor is gone, whatever close says.
int close(int fd) {
  int bad = fd_fails(CLOSE, fd), error = errno, result = REAL(close)(fd);
  if (!bad) return result;
  errno = error;
  return -1;
}

#define OF_PATH(kind, name, parameters, arguments, path) \
  int name parameters { return fails(kind, path) ? -1 : REAL(name) arguments; }
OF_PATH(RENAME, rename, (const char *from, const char *to), (from, to), to)
OF_PATH(MKDIR, mkdir, (const char *path, mode_t mode), (path, mode), path)
OF_PATH(UNLINK, unlink, (const char *path), (path), path)
OF_PATH(UNLINK, rmdir, (const char *path), (path), path)
OF_PATH(LINK, link, (const char *from, const char *to), (from, to), to)
OF_PATH(LINK, symlink, (const char *from, const char *to), (from, to), to)

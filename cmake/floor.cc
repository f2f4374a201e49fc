// What this addon calls is as old as what Node itself needs, but the linker of a newer system asks
// for the newest version of each name. So the addon has functions of these names of its own,
// hidden, which go on to the versions that every glibc since 2.17 has (on x86-64 mostly of 2.2.5);
// scripts/check-floor.sh holds the result.
#include <cxxabi.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define RN_FIRST "GLIBC_2.2.5"
#define RN_SETNAME "GLIBC_2.12"
#elif defined(__aarch64__)
#define RN_FIRST "GLIBC_2.17"
#define RN_SETNAME "GLIBC_2.17"
#endif
#define RN_HIDDEN __attribute__((visibility("hidden")))
#define RN_VERSION_OF(name, version) __asm__(".symver rn_first_" #name ", " #name "@" version)

RN_VERSION_OF(exp, RN_FIRST);
RN_VERSION_OF(log, RN_FIRST);
RN_VERSION_OF(pow, RN_FIRST);
RN_VERSION_OF(dladdr, RN_FIRST);
RN_VERSION_OF(dlerror, RN_FIRST);
RN_VERSION_OF(dlopen, RN_FIRST);
RN_VERSION_OF(dlsym, RN_FIRST);
RN_VERSION_OF(pthread_sigmask, RN_FIRST);
RN_VERSION_OF(pthread_setname_np, RN_SETNAME);

extern "C" {

double rn_first_exp(double);
double rn_first_log(double);
double rn_first_pow(double, double);
int rn_first_dladdr(const void*, Dl_info*);
char* rn_first_dlerror(void);
void* rn_first_dlopen(const char*, int);
void* rn_first_dlsym(void*, const char*);
int rn_first_pthread_sigmask(int, const sigset_t*, sigset_t*);
int rn_first_pthread_setname_np(pthread_t, const char*);

RN_HIDDEN double rn_exp(double) __asm__("exp");
double rn_exp(double x) {
  return rn_first_exp(x);
}
RN_HIDDEN double rn_log(double) __asm__("log");
double rn_log(double x) {
  return rn_first_log(x);
}
RN_HIDDEN double rn_pow(double, double) __asm__("pow");
double rn_pow(double x, double y) {
  return rn_first_pow(x, y);
}
RN_HIDDEN int dladdr(const void* address, Dl_info* info) {
  return rn_first_dladdr(address, info);
}
RN_HIDDEN char* dlerror(void) {
  return rn_first_dlerror();
}
RN_HIDDEN void* dlopen(const char* path, int mode) {
  return rn_first_dlopen(path, mode);
}
RN_HIDDEN void* dlsym(void* library, const char* name) {
  return rn_first_dlsym(library, name);
}
RN_HIDDEN int pthread_sigmask(int how, const sigset_t* set, sigset_t* old) {
  return rn_first_pthread_sigmask(how, set, old);
}
RN_HIDDEN int pthread_setname_np(pthread_t thread, const char* name) {
  return rn_first_pthread_setname_np(thread, name);
}

/** A function of glibc only since 2.30. */
RN_HIDDEN pid_t gettid(void) {
  return static_cast<pid_t>(syscall(SYS_gettid));
}

/** Of libstdc++ since GCC 11; what it does is as old as GCC 4.9. */
[[noreturn]] RN_HIDDEN void rn_throw_bad_array_new_length(void) __asm__(
    "_ZSt28__throw_bad_array_new_lengthv");
[[noreturn]] void rn_throw_bad_array_new_length(void) {
  abi::__cxa_throw_bad_array_new_length();
}

/** Of glibc since 2.32: whether reference counts may do without atomics. They may not. */
RN_HIDDEN char __libc_single_threaded = 0;

}  // extern "C"

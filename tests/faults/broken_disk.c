/* A disk that fails: writes and syncs of chosen processes, below one folder, end in EIO. And a clock
   that somebody has set: the time of day that they are told.

   Preloaded into the processes of a stand (tests/faults/broken.py), idle until the file that
   YILI_BROKEN_DISK names says otherwise. Readers of the disk never notice. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MOST_PIDS 15

struct control {
    _Atomic int left;     /* calls until the one that fails; 0: the disk is well */
    _Atomic int for_ever; /* 1: all after it fail, too */
    _Atomic int failed;   /* how many did */
    _Atomic int ahead;    /* seconds that their clock is fast */
    _Atomic int pids[MOST_PIDS]; /* whom it meets; 0 ends the list */
    char folder[448];     /* what lies below, with a slash at its end */
};

static struct control *control;

__attribute__((constructor)) static void forget_the_preload(void) {
    unsetenv("LD_PRELOAD"); /* programs that we start have a disk that is well */
}

static void connect_control(void) {
    const char *path = getenv("YILI_BROKEN_DISK");
    if (!path) return;
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void *seen = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (seen != MAP_FAILED) control = seen;
}

static int is_one_of_them(void) {
    int me = getpid();
    for (int at = 0; at < MOST_PIDS && control->pids[at]; at++)
        if (control->pids[at] == me) return 1;
    return 0;
}

static int is_met(int descriptor) {
    if (!is_one_of_them()) return 0;
    char link[64], path[1024];
    strcpy(link, "/proc/self/fd/");
    char digits[16];
    int length = 0, rest = descriptor;
    do { digits[length++] = '0' + rest % 10; rest /= 10; } while (rest);
    char *end = link + strlen(link);
    while (length) *end++ = digits[--length];
    *end = 0;
    ssize_t got = readlink(link, path, sizeof path - 1);
    if (got < 0) return 0;
    path[got] = 0;
    size_t prefix = strlen(control->folder);
    if (strncmp(path, control->folder, prefix)) return 0;
    const char *dot = strrchr(path, '-');
    return !(dot && !strcmp(dot, "-shm")); /* memory of SQLite's processes, not a file to them */
}

static int fails(int descriptor) {
    if (!control) connect_control();
    if (!control || control->left <= 0) return 0;
    int kept = errno;
    int met = is_met(descriptor);
    errno = kept;
    if (!met) return 0;
    int left = control->left;
    if (left > 1) { control->left = left - 1; return 0; }
    if (left < 1) return 0;
    if (!control->for_ever) control->left = 0;
    control->failed++;
    errno = EIO;
    return 1;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    return fails(fd) ? -1 : real(fd, data, size);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(pwrite);
    return fails(fd) ? -1 : real(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL(pwrite64);
    return fails(fd) ? -1 : real(fd, data, size, at);
}
ssize_t writev(int fd, const struct iovec *parts, int number) {
    REAL(writev);
    return fails(fd) ? -1 : real(fd, parts, number);
}
int ftruncate(int fd, off_t size) {
    REAL(ftruncate);
    return fails(fd) ? -1 : real(fd, size);
}
int ftruncate64(int fd, off64_t size) {
    REAL(ftruncate64);
    return fails(fd) ? -1 : real(fd, size);
}
int fsync(int fd) {
    REAL(fsync);
    return fails(fd) ? -1 : real(fd);
}
int fdatasync(int fd) {
    REAL(fdatasync);
    return fails(fd) ? -1 : real(fd);
}

int clock_gettime(clockid_t which, struct timespec *told) {
    REAL(clock_gettime);
    int failed = real(which, told);
    if (!failed && control && control->ahead && which == CLOCK_REALTIME && is_one_of_them())
        told->tv_sec += control->ahead;
    return failed;
}

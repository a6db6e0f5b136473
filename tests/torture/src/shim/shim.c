/* Stands between a program and the file system, loaded by LD_PRELOAD.
 *
 * It sees the calls on files and directories below KVSTORE_SHIM_ROOT, and does what the environment says:
 *
 *   KVSTORE_SHIM_TRACE=path   writes each of them to a file, with its data, in the order in which they took effect; syncs
 *                             are recorded and not carried out, since what is synced is up to the reader of the trace
 *   KVSTORE_SHIM_NO_SYNC=1    fsync and fdatasync do nothing, and say that they did
 *   KVSTORE_SHIM_FAULT=kind:nth:errno:how
 *                             the nth call of a kind (write, sync, open, rename) fails with this error number; `how` is
 *                             once, always (from then on), short (a write first writes half, and the next one fails), or
 *                             lost (once, and what was appended to the file since its last sync becomes zeros, as Linux
 *                             drops pages that it could not write)
 *   KVSTORE_SHIM_FIRED=path   a file that is made when the fault has happened
 *   KVSTORE_SHIM_COUNTS=path  a file that is written at the end of the process: how many calls of each kind there were
 *
 * When the program opens a file `kill-after-n` in the root, which need not be there, it is killed as soon as it has made n
 * more changes.
 *
 * A record of the trace is kind, file descriptor, two numbers, two lengths, and as many bytes of data (struct record);
 * the first one of a process is of kind `b`. Not seen, since neither RocksDB nor the standard library of Rust does such
 * things to files that they write: mmap, output by stdio, io_uring. sync_file_range makes nothing durable.
 * One mutex is held over a call and its record, so that the order of the trace is that of the effects.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 65536

struct record {
    char kind;
    int32_t fd;
    uint64_t a, b;
    uint32_t first, second;
} __attribute__((packed));

enum call { WRITE, SYNC, OPEN, RENAME, CALLS, NONE = CALLS };
static const char *const call_names[CALLS] = {"write", "sync", "open", "rename"};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX], fired[PATH_MAX], counts_path[PATH_MAX];
static size_t root_length;
static int trace_fd = -1, no_sync;
static char tracked[FILES];

static enum call faulty = NONE;
static long fault_at, counts[CALLS];
static int fault_errno, fault_always, fault_short, fault_lost, short_fd = -1;
/* The sizes of tracked files when they were last synced. */
static off64_t synced[FILES];

static const char fuse[] = "/kill-after-";
static long changes_to_live;

static void record(char kind, int fd, uint64_t a, uint64_t b, const void *first, size_t first_length,
                   const char *second);

__attribute__((constructor)) static void start(void) {
    const char *text = getenv("KVSTORE_SHIM_ROOT");
    if (text == NULL) return;
    snprintf(root, sizeof root, "%s", text);
    root_length = strlen(root);
    no_sync = getenv("KVSTORE_SHIM_NO_SYNC") != NULL;
    if ((text = getenv("KVSTORE_SHIM_FIRED")) != NULL) snprintf(fired, sizeof fired, "%s", text);
    if ((text = getenv("KVSTORE_SHIM_COUNTS")) != NULL) snprintf(counts_path, sizeof counts_path, "%s", text);
    if ((text = getenv("KVSTORE_SHIM_FAULT")) != NULL) {
        char kind[16], how[16];
        if (sscanf(text, "%15[a-z]:%ld:%d:%15[a-z]", kind, &fault_at, &fault_errno, how) != 4) abort();
        for (int call = 0; call < CALLS; call++)
            if (strcmp(kind, call_names[call]) == 0) faulty = call;
        if (faulty == NONE) abort();
        fault_always = strcmp(how, "always") == 0;
        fault_short = strcmp(how, "short") == 0;
        fault_lost = strcmp(how, "lost") == 0;
    }
    if ((text = getenv("KVSTORE_SHIM_TRACE")) != NULL) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (fd < 0) abort();
        /* Out of the way of the program's own. */
        trace_fd = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900);
        syscall(SYS_close, fd);
        if (trace_fd < 0) abort();
        record('b', -1, 0, 0, NULL, 0, NULL);
    }
}

__attribute__((destructor)) static void end(void) {
    if (!counts_path[0]) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, counts_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) abort();
    for (int call = 0; call < CALLS; call++) dprintf(fd, "%s %ld\n", call_names[call], counts[call]);
    syscall(SYS_close, fd);
}

static void put(const void *bytes, size_t length) {
    const char *rest = bytes;
    while (length > 0) {
        long written = syscall(SYS_write, trace_fd, rest, length);
        if (written < 0) abort();
        rest += written;
        length -= (size_t)written;
    }
}

/* Whether a call has changed what others see: not closing, duplicating, syncing, nor opening what is there. */
static int is_change(char kind, uint64_t flags) {
    return kind == 'o' ? (flags & (O_CREAT | O_TRUNC)) != 0 : strchr("bcds", kind) == NULL;
}

static void record(char kind, int fd, uint64_t a, uint64_t b, const void *first, size_t first_length,
                   const char *second) {
    if (trace_fd >= 0) {
        size_t second_length = second == NULL ? 0 : strlen(second);
        struct record head = {kind, fd, a, b, (uint32_t)first_length, (uint32_t)second_length};
        put(&head, sizeof head);
        put(first, first_length);
        if (second_length > 0) put(second, second_length);
    }
    if (changes_to_live > 0 && is_change(kind, a) && --changes_to_live == 0) kill(getpid(), SIGKILL);
}

static int is_tracked(int fd) { return fd >= 0 && fd < FILES && tracked[fd]; }

/* The absolute path of a name; empty where it is not below the root. */
static void resolve(int directory, const char *name, char *path) {
    path[0] = 0;
    if (root_length == 0 || name == NULL) return;
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
    } else if (is_tracked(directory)) {
        char link[64], base[PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length < 0) return;
        base[length] = 0;
        if (snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX) abort();
    }
    if (strncmp(path, root, root_length) != 0 || (path[root_length] != '/' && path[root_length] != 0)) path[0] = 0;
}

/* Whether a call is to fail now; called under the mutex. */
static int fails(enum call call) {
    long count = ++counts[call];
    if (call != faulty) return 0;
    if (count != fault_at && !(fault_always && count > fault_at)) return 0;
    if (fired[0]) {
        long fd = syscall(SYS_openat, AT_FDCWD, fired, O_WRONLY | O_CREAT, 0644);
        if (fd >= 0) syscall(SYS_close, (int)fd);
    }
    errno = fault_errno;
    return 1;
}

static off64_t size_of(int fd) {
    struct stat64 found;
    return fstat64(fd, &found) == 0 ? found.st_size : 0;
}

/* Fills what was appended since the last sync with zeros; called under the mutex. */
static void lose_unsynced(int fd) {
    static const char zeros[4096];
    char link[64];
    /* Opened again, since it may be opened for appending only. */
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int file = (int)syscall(SYS_openat, AT_FDCWD, link, O_WRONLY | O_CLOEXEC, 0);
    off64_t at = synced[fd], end = size_of(fd);
    while (file >= 0 && at < end) {
        size_t length = end - at < (off64_t)sizeof zeros ? (size_t)(end - at) : sizeof zeros;
        if (syscall(SYS_pwrite64, file, zeros, length, at) != (long)length) abort();
        at += (off64_t)length;
    }
    if (file >= 0) syscall(SYS_close, file);
}

#define LOCK() int saved_errno; pthread_mutex_lock(&mutex)
#define UNLOCK(result) saved_errno = errno; pthread_mutex_unlock(&mutex); errno = saved_errno; return (result)

static int open_any(int directory, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    LOCK();
    resolve(directory, name, path);
    if (path[0] != 0 && strncmp(path + root_length, fuse, sizeof fuse - 1) == 0)
        changes_to_live = atol(path + root_length + sizeof fuse - 1);
    int fd = -1;
    if (path[0] == 0 || !fails(OPEN)) fd = (int)syscall(SYS_openat, directory, name, flags, mode);
    if (fd >= 0 && fd < FILES) tracked[fd] = path[0] != 0;
    if (is_tracked(fd)) synced[fd] = size_of(fd);
    if (fd >= 0 && path[0] != 0) record('o', fd, (uint64_t)flags, 0, path, strlen(path), NULL);
    UNLOCK(fd);
}

#define MODE(flags, last) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, last); mode = va_arg(list, mode_t); va_end(list); }

int open(const char *name, int flags, ...) { MODE(flags, flags) return open_any(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE(flags, flags) return open_any(AT_FDCWD, name, flags, mode); }
int openat(int at, const char *name, int flags, ...) { MODE(flags, flags) return open_any(at, name, flags, mode); }
int openat64(int at, const char *name, int flags, ...) { MODE(flags, flags) return open_any(at, name, flags, mode); }
int creat(const char *name, mode_t mode) { return open_any(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *name, mode_t mode) { return open_any(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }

/* Called under the mutex, before another thread can get the same number. */
static void closing(int fd) {
    if (!is_tracked(fd)) return;
    record('c', fd, 0, 0, NULL, 0, NULL);
    tracked[fd] = 0;
}
int close(int fd) {
    LOCK();
    closing(fd);
    int result = (int)syscall(SYS_close, fd);
    UNLOCK(result);
}
/* These two close without calling close. */
int fclose(FILE *file) {
    int (*next)(FILE *) = (int (*)(FILE *))dlsym(RTLD_NEXT, "fclose");
    LOCK();
    closing(fileno(file));
    int result = next(file);
    UNLOCK(result);
}
int closedir(DIR *directory) {
    int (*next)(DIR *) = (int (*)(DIR *))dlsym(RTLD_NEXT, "closedir");
    LOCK();
    closing(dirfd(directory));
    int result = next(directory);
    UNLOCK(result);
}

/* Writes at an offset, or where the file is where it is negative. */
static ssize_t write_any(int fd, const void *bytes, size_t length, off64_t offset) {
    if (!is_tracked(fd))
        return offset < 0 ? syscall(SYS_write, fd, bytes, length) : syscall(SYS_pwrite64, fd, bytes, length, offset);
    LOCK();
    ssize_t written = -1;
    if (short_fd == fd) {
        short_fd = -1;
        errno = fault_errno;
    } else {
        int failing = fails(WRITE);
        if (failing && fault_short && length > 1) {
            short_fd = fd;
            length /= 2;
            failing = 0;
        }
        if (!failing) {
            off64_t at = offset;
            if (offset < 0) {
                struct stat64 found;
                int appends = (syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND) != 0;
                at = appends && fstat64(fd, &found) == 0 ? found.st_size : lseek64(fd, 0, SEEK_CUR);
            }
            written = offset < 0 ? syscall(SYS_write, fd, bytes, length)
                                 : syscall(SYS_pwrite64, fd, bytes, length, offset);
            if (written > 0) record('w', fd, (uint64_t)at, 0, bytes, (size_t)written, NULL);
        }
    }
    UNLOCK(written);
}

ssize_t write(int fd, const void *bytes, size_t length) { return write_any(fd, bytes, length, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return write_any(fd, bytes, length, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return write_any(fd, bytes, length, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!is_tracked(fd)) return syscall(SYS_writev, fd, parts, count);
    for (int part = 0; part < count; part++)
        if (parts[part].iov_len > 0) return write_any(fd, parts[part].iov_base, parts[part].iov_len, -1);
    return 0;
}

/* Copies within the kernel would not be seen: the caller falls back to reading and writing. */
ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t length, unsigned flags) {
    if (is_tracked(out)) { errno = ENOSYS; return -1; }
    return syscall(SYS_copy_file_range, in, in_at, out, out_at, length, flags);
}
ssize_t sendfile(int out, int in, off_t *at, size_t length) {
    if (is_tracked(out)) { errno = EINVAL; return -1; }
    return syscall(SYS_sendfile, out, in, at, length);
}
ssize_t sendfile64(int out, int in, off64_t *at, size_t length) { return sendfile(out, in, at, length); }

static int sync_any(int fd, long number) {
    if (!is_tracked(fd)) return (int)syscall(number, fd);
    LOCK();
    int result = -1;
    if (fails(SYNC)) {
        if (fault_lost) lose_unsynced(fd);
        errno = fault_errno;
    } else {
        result = no_sync || trace_fd >= 0 ? 0 : (int)syscall(number, fd);
        if (result == 0) synced[fd] = size_of(fd);
        if (result == 0 && !no_sync) record('s', fd, 0, 0, NULL, 0, NULL);
    }
    UNLOCK(result);
}
int fsync(int fd) { return sync_any(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_any(fd, SYS_fdatasync); }

static int truncate_any(int fd, off64_t length) {
    LOCK();
    int result = -1;
    if (!is_tracked(fd) || !fails(WRITE)) result = (int)syscall(SYS_ftruncate, fd, length);
    if (result == 0 && is_tracked(fd) && length < synced[fd]) synced[fd] = length;
    if (result == 0 && is_tracked(fd)) record('t', fd, (uint64_t)length, 0, NULL, 0, NULL);
    UNLOCK(result);
}
int ftruncate(int fd, off_t length) { return truncate_any(fd, length); }
int ftruncate64(int fd, off64_t length) { return truncate_any(fd, length); }

static int allocate_any(int fd, int mode, off64_t at, off64_t length) {
    LOCK();
    int result = -1;
    if (!is_tracked(fd) || !fails(WRITE)) result = (int)syscall(SYS_fallocate, fd, mode, at, length);
    /* What is allocated behind the end is not seen by anybody. */
    if (result == 0 && is_tracked(fd) && !(mode & FALLOC_FL_KEEP_SIZE))
        record('a', fd, (uint64_t)(at + length), 0, NULL, 0, NULL);
    UNLOCK(result);
}
int fallocate(int fd, int mode, off_t at, off_t length) { return allocate_any(fd, mode, at, length); }
int fallocate64(int fd, int mode, off64_t at, off64_t length) { return allocate_any(fd, mode, at, length); }

static int duplicate(int fd, int copy) {
    if (copy >= 0 && copy < FILES) {
        tracked[copy] = is_tracked(fd);
        if (tracked[copy]) synced[copy] = synced[fd];
    }
    if (copy >= 0 && is_tracked(fd)) record('d', copy, (uint64_t)fd, 0, NULL, 0, NULL);
    return copy;
}
int dup(int fd) {
    LOCK();
    int copy = duplicate(fd, (int)syscall(SYS_dup, fd));
    UNLOCK(copy);
}
static int control(int fd, int command, void *argument) {
    if (command != F_DUPFD && command != F_DUPFD_CLOEXEC) return (int)syscall(SYS_fcntl, fd, command, argument);
    LOCK();
    int copy = duplicate(fd, (int)syscall(SYS_fcntl, fd, command, argument));
    UNLOCK(copy);
}
#define ARGUMENT(last) va_list list; va_start(list, last); void *argument = va_arg(list, void *); va_end(list);
int fcntl(int fd, int command, ...) { ARGUMENT(command) return control(fd, command, argument); }
int fcntl64(int fd, int command, ...) { ARGUMENT(command) return control(fd, command, argument); }

/* Two names: a rename or a link. */
static int two_names(char kind, int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    char from_path[PATH_MAX], to_path[PATH_MAX];
    LOCK();
    resolve(from_at, from, from_path);
    resolve(to_at, to, to_path);
    int seen = from_path[0] != 0 && to_path[0] != 0, result = -1;
    if (!seen || !fails(kind == 'r' ? RENAME : OPEN))
        result = (int)(kind == 'r' ? syscall(SYS_renameat2, from_at, from, to_at, to, flags)
                                   : syscall(SYS_linkat, from_at, from, to_at, to, flags));
    if (result == 0 && seen) record(kind, -1, 0, 0, from_path, strlen(from_path), to_path);
    UNLOCK(result);
}
int rename(const char *from, const char *to) { return two_names('r', AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_at, const char *from, int to_at, const char *to) {
    return two_names('r', from_at, from, to_at, to, 0);
}
int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    return two_names('r', from_at, from, to_at, to, flags);
}
int link(const char *from, const char *to) { return two_names('l', AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    return two_names('l', from_at, from, to_at, to, (unsigned)flags);
}

static int remove_any(int directory, const char *name, int flags) {
    char path[PATH_MAX];
    LOCK();
    resolve(directory, name, path);
    int result = (int)syscall(SYS_unlinkat, directory, name, flags);
    if (result == 0 && path[0]) record((flags & AT_REMOVEDIR) ? 'x' : 'u', -1, 0, 0, path, strlen(path), NULL);
    UNLOCK(result);
}
int unlink(const char *name) { return remove_any(AT_FDCWD, name, 0); }
int unlinkat(int directory, const char *name, int flags) { return remove_any(directory, name, flags); }
int rmdir(const char *name) { return remove_any(AT_FDCWD, name, AT_REMOVEDIR); }

static int make_directory(int at, const char *name, mode_t mode) {
    char path[PATH_MAX];
    LOCK();
    resolve(at, name, path);
    int result = -1;
    if (path[0] == 0 || !fails(OPEN)) result = (int)syscall(SYS_mkdirat, at, name, mode);
    if (result == 0 && path[0]) record('m', -1, 0, 0, path, strlen(path), NULL);
    UNLOCK(result);
}
int mkdir(const char *name, mode_t mode) { return make_directory(AT_FDCWD, name, mode); }
int mkdirat(int at, const char *name, mode_t mode) { return make_directory(at, name, mode); }

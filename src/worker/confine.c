#include "worker/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's interface as of ABI 6; Debian's header stops at 2. */
struct worker_ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; /* ABI 4 */
    uint64_t scoped;             /* ABI 6 */
};
#define WORKER_FS_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3 */
#define WORKER_FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
struct worker_port_rule {                       /* ABI 4 */
    uint64_t allowed_access;
    uint64_t port;
};
#define WORKER_RULE_NET_PORT 2
#define WORKER_NET_BIND UINT64_C(1)
#define WORKER_NET_CONNECT UINT64_C(2)
#define WORKER_SCOPE_ABSTRACT_UNIX UINT64_C(1)
#define WORKER_SCOPE_SIGNAL UINT64_C(2)

#define WORKER_FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WORKER_FS_WRITE                                                                                                \
    (WORKER_FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REFER | WORKER_FS_TRUNCATE)
/* Rights that a rule on a plain file may carry. */
#define WORKER_FS_FILE                                                                                                \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | WORKER_FS_TRUNCATE | \
     WORKER_FS_IOCTL_DEV)

struct worker_landlock {
    int fd;
    uint64_t handled; /* rights the kernel knows */
};

static uint64_t worker_landlock_rights(uint32_t abi)
{
    uint64_t rights = (UINT64_C(1) << 13) - 1; /* ABI 1: EXECUTE to MAKE_SYM */
    if (abi >= 2)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        rights |= WORKER_FS_TRUNCATE;
    if (abi >= 5)
        rights |= WORKER_FS_IOCTL_DEV;
    return rights;
}

/* Allows rights below what fd refers to. Closes fd. */
static bool worker_allow_fd(const struct worker_landlock *landlock, int fd, uint64_t rights, struct err *err)
{
    struct stat stat;
    if (fstat(fd, &stat) == 0 && !S_ISDIR(stat.st_mode))
        rights &= WORKER_FS_FILE;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights & landlock->handled, .parent_fd = fd};
    long result = syscall(SYS_landlock_add_rule, landlock->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int number = errno;
    close(fd);
    /* EBADFD: a pipe or socket as standard input; the kernel does not restrict those. */
    if (result == 0 || number == EBADFD)
        return true;
    errno = number;
    return err_errno(err, "landlock rule");
}

/* A path that does not exist needs no rule. */
static bool worker_allow(const struct worker_landlock *landlock, const char *path, uint64_t rights, struct err *err)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return true;
    if (!worker_allow_fd(landlock, fd, rights, err))
        return err_wrap(err, "%s", path);
    return true;
}

/* TCP to these ports, of whatever address: the kernel knows ports alone, and the configuration of DuckDB the rest. */
static bool worker_allow_ports(const struct worker_landlock *landlock, const struct channel_hello *hello,
                               struct err *err)
{
    for (uint32_t i = 0; i < hello->port_count; i++) {
        struct worker_port_rule rule = {.allowed_access = WORKER_NET_CONNECT, .port = hello->ports[i]};
        if (syscall(SYS_landlock_add_rule, landlock->fd, WORKER_RULE_NET_PORT, &rule, 0) != 0)
            return err_errno(err, "landlock rule of port %u", hello->ports[i]);
    }
    return true;
}

/* The path's directory. */
static bool worker_allow_parent(const struct worker_landlock *landlock, struct str path, uint64_t rights,
                                struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    const char *slash = path.len ? memrchr(path.ptr, '/', path.len) : NULL;
    if (!slash)
        return true;
    struct str parent = str_slice(path, 0, (size_t)(slash - path.ptr));
    return worker_allow(landlock, parent.len ? str_cstr(arena, parent) : "/", rights, err);
}

/* What DuckDB and the C library read to find out about machine and time zone, and the shared libraries. */
static bool worker_allow_system(const struct worker_landlock *landlock, struct err *err)
{
    static const char *const readable[] = {
        "/lib",
        "/lib64",
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/etc/ld.so.cache",
        "/etc/localtime",
        "/usr/share/zoneinfo",
        "/proc/self",
        "/proc/meminfo",
        "/proc/cpuinfo",
        "/proc/stat",
        "/proc/sys/vm",
        "/proc/sys/kernel",
        "/sys/devices/system",
        "/sys/fs/cgroup",
        "/sys/kernel/mm/transparent_hugepage",
        "/dev/urandom",
        "/dev/random",
    };
    for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
        if (!worker_allow(landlock, readable[i], WORKER_FS_READ, err))
            return false;
    return worker_allow(landlock, "/dev/null", WORKER_FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE, err);
}

static bool worker_allow_all(const struct worker_landlock *landlock, const struct channel_hello *hello, struct err *err)
{
    if (!worker_allow_system(landlock, err) || !worker_allow_parent(landlock, hello->library, WORKER_FS_READ, err))
        return false;
    if (hello->extensions.len && !worker_allow(landlock, hello->extensions.ptr, WORKER_FS_READ, err))
        return false;
    bool files = hello->warehouse.len && hello->warehouse.ptr[0] == '/';
    if (files && !worker_allow(landlock, hello->warehouse.ptr, WORKER_FS_WRITE, err))
        return false;
    if (hello->directory.len && !worker_allow(landlock, hello->directory.ptr, WORKER_FS_WRITE, err))
        return false;
    if (hello->temp_directory.len && !worker_allow(landlock, hello->temp_directory.ptr, WORKER_FS_WRITE, err))
        return false;
    for (size_t i = 0; i < hello->read_path_count; i++)
        if (!worker_allow(landlock, hello->read_paths[i].ptr, WORKER_FS_READ, err))
            return false;
    return true;
}

static bool worker_landlock(const struct channel_hello *hello, uint32_t *abi_out, struct err *err)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    *abi_out = abi > 0 ? (uint32_t)abi : 0;
    if (abi <= 0)
        return true; /* the front logs it */
    struct worker_ruleset ruleset = {.handled_access_fs = worker_landlock_rights(*abi_out)};
    size_t size = sizeof(ruleset.handled_access_fs);
    if (abi >= 4) {
        ruleset.handled_access_net = WORKER_NET_BIND | WORKER_NET_CONNECT;
        size = offsetof(struct worker_ruleset, scoped);
    }
    if (abi >= 6) {
        ruleset.scoped = WORKER_SCOPE_ABSTRACT_UNIX | WORKER_SCOPE_SIGNAL;
        size = sizeof(ruleset);
    }
    struct worker_landlock landlock = {.handled = ruleset.handled_access_fs};
    landlock.fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
    if (landlock.fd < 0)
        return err_errno(err, "create landlock rules");
    bool ok = worker_allow_all(&landlock, hello, err) && (abi < 4 || worker_allow_ports(&landlock, hello, err));
    if (ok && syscall(SYS_landlock_restrict_self, landlock.fd, 0) != 0)
        ok = err_errno(err, "apply landlock rules");
    close(landlock.fd);
    return ok;
}

static bool worker_limit(int resource, uint64_t value, const char *name, struct err *err)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) == 0 && limit.rlim_max < value)
        value = limit.rlim_max; /* only root may raise it */
    limit = (struct rlimit){.rlim_cur = value, .rlim_max = value};
    if (setrlimit((__rlimit_resource_t)resource, &limit) != 0)
        return err_errno(err, "set %s", name);
    return true;
}

/* Sanitizers reserve terabytes of addresses. */
static bool worker_is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
    return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer);
#else
    return false;
#endif
}

static bool worker_limit_all(const struct channel_hello *hello, struct err *err)
{
    /* Less than a quarter and 2 GiB more than memory_limit makes big sorts fail instead of spill. */
    uint64_t memory = hello->memory_limit_bytes;
    uint64_t addresses = memory + memory / 4 + (UINT64_C(2) << 30) + hello->shared_bytes;
    if (!worker_limit(RLIMIT_CORE, 0, "RLIMIT_CORE", err))
        return false;
    if (hello->file_size_bytes && !worker_limit(RLIMIT_FSIZE, hello->file_size_bytes, "RLIMIT_FSIZE", err))
        return false;
    signal(SIGXFSZ, SIG_IGN); /* a write beyond it fails with EFBIG instead */
    if (memory && !worker_is_sanitized() && !worker_limit(RLIMIT_AS, addresses, "RLIMIT_AS", err))
        return false;
    return true;
}

bool worker_confine(const struct channel_hello *hello, uint32_t *landlock_abi_out, struct err *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_errno(err, "set PR_SET_NO_NEW_PRIVS");
    if (!worker_limit_all(hello, err) || !worker_landlock(hello, landlock_abi_out, err))
        return err_wrap(err, "confine the worker");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return err_errno(err, "set PR_SET_DUMPABLE");
    return true;
}

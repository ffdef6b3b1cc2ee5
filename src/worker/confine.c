#include "worker/confine.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "worker/landlock.h"

/* The path's directory. */
static bool worker_allow_parent(const struct landlock *landlock, struct str path, uint64_t rights, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    const char *slash = path.len ? memrchr(path.ptr, '/', path.len) : NULL;
    if (!slash)
        return true;
    struct str parent = str_slice(path, 0, (size_t)(slash - path.ptr));
    return landlock_allow(landlock, parent.len ? str_cstr(arena, parent) : "/", rights, err);
}

/* What DuckDB and the C library read to find out about machine and time zone, and the shared libraries. */
static bool worker_allow_system(const struct landlock *landlock, struct err *err)
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
        if (!landlock_allow(landlock, readable[i], LANDLOCK_READ, err))
            return false;
    return landlock_allow(landlock, "/dev/null", LANDLOCK_READ | LANDLOCK_ACCESS_FS_WRITE_FILE, err);
}

/* What pipelines read, and where their results go; nothing else of the project. */
static bool worker_allow_project(const struct landlock *landlock, struct str root, struct err *err)
{
    static const struct {
        const char *name;
        uint64_t rights;
    } places[] = {{"data/source", LANDLOCK_READ},
                  {"seeds", LANDLOCK_READ},
                  {"data/processed", LANDLOCK_WRITE},
                  {"data/final", LANDLOCK_WRITE}};
    AUTO(arena) struct arena *arena = arena_new();
    for (size_t i = 0; root.len && i < sizeof(places) / sizeof(places[0]); i++)
        if (!landlock_allow(landlock, str_format(arena, "%.*s/%s", STR_ARG(root), places[i].name).ptr, places[i].rights,
                            err))
            return false;
    return true;
}

static bool worker_allow_all(const struct landlock *landlock, const struct channel_hello *hello, struct err *err)
{
    if (!worker_allow_system(landlock, err) || !worker_allow_parent(landlock, hello->library, LANDLOCK_READ, err))
        return false;
    if (hello->extensions.len && !landlock_allow(landlock, hello->extensions.ptr, LANDLOCK_READ, err))
        return false;
    bool files = hello->warehouse.len && hello->warehouse.ptr[0] == '/';
    if (files && !landlock_allow(landlock, hello->warehouse.ptr, LANDLOCK_WRITE, err))
        return false;
    if (hello->directory.len && !landlock_allow(landlock, hello->directory.ptr, LANDLOCK_WRITE, err))
        return false;
    if (hello->temp_directory.len && !landlock_allow(landlock, hello->temp_directory.ptr, LANDLOCK_WRITE, err))
        return false;
    if (!worker_allow_project(landlock, hello->project, err))
        return false;
    for (size_t i = 0; i < hello->read_path_count; i++)
        if (!landlock_allow(landlock, hello->read_paths[i].ptr, LANDLOCK_READ, err))
            return false;
    return true;
}

static bool worker_landlock(const struct channel_hello *hello, uint32_t *abi_out, struct err *err)
{
    struct landlock landlock;
    bool ok = landlock_open(&landlock, true, err) && worker_allow_all(&landlock, hello, err);
    for (uint32_t i = 0; ok && i < hello->port_count; i++)
        ok = landlock_allow_port(&landlock, hello->ports[i], err);
    ok = ok && landlock_enforce(&landlock, err);
    landlock_close(&landlock);
    *abi_out = landlock.abi; /* 0: the front logs it */
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

bool worker_limit_command(uint64_t memory_bytes, uint64_t processes, struct err *err)
{
    if (!worker_limit(RLIMIT_CORE, 0, "RLIMIT_CORE", err))
        return false;
    if (processes && !worker_limit(RLIMIT_NPROC, processes, "RLIMIT_NPROC", err))
        return false;
    return memory_bytes == 0 || worker_is_sanitized() || worker_limit(RLIMIT_AS, memory_bytes, "RLIMIT_AS", err);
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

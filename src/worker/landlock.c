#include "worker/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct landlock_ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; /* ABI 4 */
    uint64_t scoped;             /* ABI 6 */
};
struct landlock_port_rule { /* ABI 4 */
    uint64_t allowed_access;
    uint64_t port;
};
#define LANDLOCK_RULE_PORT 2
#define LANDLOCK_NET_BIND UINT64_C(1)
#define LANDLOCK_NET_CONNECT UINT64_C(2)
#define LANDLOCK_SCOPE_SOCKETS UINT64_C(1) /* abstract Unix sockets */
#define LANDLOCK_SCOPE_SIGNALS UINT64_C(2)

/* Rights that a rule on a plain file may carry. */
#define LANDLOCK_FILE                                                                                                \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_TRUNCATE | \
     LANDLOCK_IOCTL_DEV)

static uint64_t landlock_rights(uint32_t abi)
{
    uint64_t rights = (UINT64_C(1) << 13) - 1; /* ABI 1: EXECUTE to MAKE_SYM */
    if (abi >= 2)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        rights |= LANDLOCK_TRUNCATE;
    if (abi >= 5)
        rights |= LANDLOCK_IOCTL_DEV;
    return rights;
}

bool landlock_open(struct landlock *landlock, bool ports, struct err *err)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    *landlock = (struct landlock){.fd = -1, .abi = abi > 0 ? (uint32_t)abi : 0};
    if (abi <= 0)
        return true;
    struct landlock_ruleset ruleset = {.handled_access_fs = landlock_rights(landlock->abi)};
    size_t size = sizeof(ruleset.handled_access_fs);
    if (abi >= 4) {
        ruleset.handled_access_net = ports ? LANDLOCK_NET_BIND | LANDLOCK_NET_CONNECT : 0;
        size = offsetof(struct landlock_ruleset, scoped);
    }
    if (abi >= 6) {
        ruleset.scoped = LANDLOCK_SCOPE_SOCKETS | LANDLOCK_SCOPE_SIGNALS;
        size = sizeof(ruleset);
    }
    landlock->handled = ruleset.handled_access_fs;
    landlock->fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
    return landlock->fd >= 0 || err_errno(err, "create landlock rules");
}

bool landlock_allow_fd(const struct landlock *landlock, int fd, uint64_t rights, struct err *err)
{
    struct stat stat;
    if (fstat(fd, &stat) == 0 && !S_ISDIR(stat.st_mode))
        rights &= LANDLOCK_FILE;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights & landlock->handled, .parent_fd = fd};
    long result = 0;
    if (landlock->fd >= 0)
        result = syscall(SYS_landlock_add_rule, landlock->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int number = errno;
    close(fd);
    /* EBADFD: a pipe or socket as standard input; the kernel does not restrict those. */
    if (result == 0 || number == EBADFD)
        return true;
    errno = number;
    return err_errno(err, "landlock rule");
}

bool landlock_allow(const struct landlock *landlock, const char *path, uint64_t rights, struct err *err)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return true;
    if (!landlock_allow_fd(landlock, fd, rights, err))
        return err_wrap(err, "%s", path);
    return true;
}

bool landlock_allow_port(const struct landlock *landlock, uint32_t port, struct err *err)
{
    struct landlock_port_rule rule = {.allowed_access = LANDLOCK_NET_CONNECT, .port = port};
    if (landlock->abi >= 4 && syscall(SYS_landlock_add_rule, landlock->fd, LANDLOCK_RULE_PORT, &rule, 0) != 0)
        return err_errno(err, "landlock rule of port %u", port);
    return true;
}

bool landlock_enforce(const struct landlock *landlock, struct err *err)
{
    if (landlock->fd >= 0 && syscall(SYS_landlock_restrict_self, landlock->fd, 0) != 0)
        return err_errno(err, "apply landlock rules");
    return true;
}

void landlock_close(struct landlock *landlock)
{
    if (landlock->fd >= 0)
        close(landlock->fd);
    landlock->fd = -1;
}

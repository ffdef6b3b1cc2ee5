/* Landlock: what of the file system and the network a process can still reach. The kernel's interface as of ABI 6;
 * Debian's header stops at 2. Binds the calling thread and those that it starts later. */
#pragma once
#include <linux/landlock.h>

#include "base/err.h"

#define LANDLOCK_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3 */
#define LANDLOCK_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define LANDLOCK_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define LANDLOCK_WRITE                                                                                                \
    (LANDLOCK_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_TRUNCATE)
/* Whatever there is. */
#define LANDLOCK_ALL UINT64_MAX

struct landlock {
    int fd;           /* -1: the kernel has none, and everything below does nothing */
    uint32_t abi;     /* 0: likewise */
    uint64_t handled; /* rights that the kernel knows */
};
/* Nothing is reachable; with ports, TCP neither (where the kernel can say so). */
bool landlock_open(struct landlock *landlock, bool ports, struct err *err) MUST_USE;
/* Allows rights below what fd refers to. Closes fd. */
bool landlock_allow_fd(const struct landlock *landlock, int fd, uint64_t rights, struct err *err) MUST_USE;
/* A path that does not exist needs no rule. */
bool landlock_allow(const struct landlock *landlock, const char *path, uint64_t rights, struct err *err) MUST_USE;
/* Connecting to this port, of whatever address: the kernel knows ports alone. */
bool landlock_allow_port(const struct landlock *landlock, uint32_t port, struct err *err) MUST_USE;
/* From now on. One-way. */
bool landlock_enforce(const struct landlock *landlock, struct err *err) MUST_USE;
void landlock_close(struct landlock *landlock);

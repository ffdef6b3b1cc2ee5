#include "platform/channel/block.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHANNEL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static bool channel_block_mmap(struct channel_block *block, struct err *err)
{
    void *ptr = mmap(NULL, block->size, PROT_READ | PROT_WRITE, MAP_SHARED, block->fd, 0);
    if (ptr == MAP_FAILED)
        return err_errno(err, "map %zu bytes of shared memory", block->size);
    block->ptr = ptr;
    return true;
}

bool channel_block_create(struct channel_block *block_out, size_t size, struct err *err)
{
    size_t page = 4096;
    if (size > SIZE_MAX / 2)
        return err_set(err, ERR_RESOURCE, "shared memory of %zu bytes is too large", size);
    struct channel_block block = {.size = (size + page - 1) / page * page};
    if (block.size == 0)
        block.size = page;
    block.fd = memfd_create("eider-block", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (block.fd < 0)
        return err_errno(err, "create shared memory");
    bool ok = ftruncate(block.fd, (off_t)block.size) == 0 && fcntl(block.fd, F_ADD_SEALS, CHANNEL_SEALS) == 0;
    if (!ok)
        err_errno(err, "size and seal %zu bytes of shared memory", block.size);
    ok = ok && channel_block_mmap(&block, err);
    if (!ok) {
        close(block.fd);
        return false;
    }
    *block_out = block;
    return true;
}

bool channel_block_map(struct channel_block *block_out, uint32_t id, int fd, uint64_t size, struct err *err)
{
    struct channel_block block = {.id = id, .fd = fd, .size = (size_t)size};
    struct stat stat;
    int seals = fcntl(fd, F_GET_SEALS);
    bool ok = seals >= 0 && (seals & CHANNEL_SEALS) == CHANNEL_SEALS && fstat(fd, &stat) == 0 && stat.st_size >= 0 &&
              (uint64_t)stat.st_size == size;
    if (!ok)
        err_set(err, ERR_INTERNAL, "block %u is not a sealed memfd of %llu bytes", id, (unsigned long long)size);
    ok = ok && channel_block_mmap(&block, err);
    close(fd); /* the mapping keeps the memory */
    if (!ok)
        return false;
    block.fd = -1;
    *block_out = block;
    return true;
}

void channel_block_done(struct channel_block *block)
{
    if (block->ptr)
        munmap(block->ptr, block->size);
    if (block->ptr && block->fd >= 0)
        close(block->fd);
    *block = (struct channel_block){.fd = -1};
}

#include "domain/query/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"

#define QUERY_DISK_DEPTH 4

/* True when the last look is older than a second. */
static bool query_disk_is_due(struct query_disk *disk)
{
    int64_t now_us = clock_now_us();
    if (disk->checked_us && now_us - disk->checked_us < CLOCK_SECOND)
        return false;
    disk->checked_us = now_us;
    return true;
}

const char *query_disk_free(struct query_disk *disk, struct str data)
{
    struct statvfs stat;
    if (!query_disk_is_due(disk))
        return disk->refusal;
    AUTO(arena) struct arena *arena = arena_new();
    uint64_t percent = (uint64_t)limits_get(LIMIT_DISK_FREE);
    disk->refusal[0] = '\0';
    if (statvfs(str_cstr(arena, data), &stat) != 0 || stat.f_blocks == 0)
        return disk->refusal; /* a directory that cannot be asked fails loudly elsewhere */
    if ((uint64_t)stat.f_bavail * 100 < (uint64_t)stat.f_blocks * percent)
        snprintf(disk->refusal, sizeof(disk->refusal),
                 "limit %s reached: less than %llu %% of the disk is free, writes are refused",
                 limits_name(LIMIT_DISK_FREE), (unsigned long long)percent);
    return disk->refusal;
}

/* Bytes on disk below an open directory; takes fd, follows no link. */
static int64_t query_disk_measure(int fd, int depth)
{
    DIR *directory = depth > QUERY_DISK_DEPTH ? NULL : fdopendir(fd);
    if (!directory) {
        close(fd);
        return 0;
    }
    int64_t bytes = 0;
    struct dirent *entry;
    while ((entry = readdir(directory))) {
        struct stat stat;
        struct str name = str_from(entry->d_name);
        if (str_equal(name, S(".")) || str_equal(name, S("..")) ||
            fstatat(fd, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        bytes += (int64_t)stat.st_blocks * 512;
        if (!S_ISDIR(stat.st_mode))
            continue;
        int below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0)
            bytes += query_disk_measure(below, depth + 1);
    }
    closedir(directory);
    return bytes;
}

const char *query_disk_quota(struct query_disk *disk, struct str directory, int64_t *bytes_out)
{
    if (!query_disk_is_due(disk))
        return disk->refusal;
    AUTO(arena) struct arena *arena = arena_new();
    int64_t quota = limits_get(LIMIT_DISK_QUOTA);
    disk->refusal[0] = '\0';
    int fd = open(str_cstr(arena, directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *bytes_out = fd < 0 ? 0 : query_disk_measure(fd, 0);
    if (quota > 0 && *bytes_out >= quota)
        snprintf(disk->refusal, sizeof(disk->refusal),
                 "limit %s reached: the tenant uses %lld of %lld bytes, writes are refused",
                 limits_name(LIMIT_DISK_QUOTA), (long long)*bytes_out, (long long)quota);
    return disk->refusal;
}

int64_t query_disk_file(struct str path)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct stat status;
    return stat(str_cstr(arena, path), &status) == 0 ? (int64_t)status.st_size : 0;
}

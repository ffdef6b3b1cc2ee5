/* Files are read with pread, never mapped: a file that shrinks or a disk that fails must not end the server. */
#include "domain/pipeline/run_log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain/pipeline/run_log_file_priv.h"

static uint64_t run_log_record_get(const uint8_t *bytes, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static uint32_t run_log_record_sum(const uint8_t *bytes)
{
    uint32_t sum = 0x9e3779b9;
    for (size_t i = 0; i < RUN_LOG_RECORD_SIZE - 4; i += 4) {
        sum = (sum ^ (uint32_t)run_log_record_get(bytes + i, 4)) * 0x85ebca6b;
        sum ^= sum >> 15;
    }
    return sum;
}

static void run_log_record_put(uint8_t *bytes, uint64_t value, int size)
{
    for (int i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

void run_log_record_encode(const struct run_log_record *record, uint8_t *bytes_out)
{
    run_log_record_put(bytes_out, record->offset, 8);
    run_log_record_put(bytes_out + 8, (uint64_t)record->at_us, 8);
    run_log_record_put(bytes_out + 16, record->len, 4);
    run_log_record_put(bytes_out + 20, record->step, 4);
    run_log_record_put(bytes_out + 24, record->level | (uint64_t)record->attempt << 8, 4);
    run_log_record_put(bytes_out + 28, run_log_record_sum(bytes_out), 4);
}

void run_log_record_peek(const uint8_t *bytes, struct run_log_record *record_out)
{
    *record_out = (struct run_log_record){
        .offset = run_log_record_get(bytes, 8),
        .at_us = (int64_t)run_log_record_get(bytes + 8, 8),
        .len = (uint32_t)run_log_record_get(bytes + 16, 4),
        .step = (uint32_t)run_log_record_get(bytes + 20, 4),
        .attempt = (uint32_t)run_log_record_get(bytes + 25, 3),
        .level = bytes[RUN_LOG_RECORD_LEVEL],
    };
}

bool run_log_record_is_good(const uint8_t *bytes)
{
    return run_log_record_get(bytes + 28, 4) == run_log_record_sum(bytes);
}

bool run_log_file_pread(int fd, void *bytes_out, size_t len, uint64_t offset, struct err *err)
{
    uint8_t *bytes = bytes_out;
    while (len > 0) {
        ssize_t got = pread(fd, bytes, len, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, "read the log");
        if (got == 0)
            return err_set(err, ERR_DATA_LOSS, "the log's file is shorter than its index says");
        bytes += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return true;
}

bool run_log_record_fits(const struct run_log_record *record, uint64_t size)
{
    return record->len <= RUN_LOG_LINE_MAX && record->offset < size && record->len < size - record->offset;
}

/* Whether record number count of the index is that of a whole line; *size_out: where the line ends. */
static bool run_log_file_is_whole(const struct run_log_file *file, uint64_t count, uint64_t lines_size,
                                  uint64_t *size_out)
{
    uint8_t bytes[RUN_LOG_RECORD_SIZE];
    struct run_log_record record;
    struct err err;
    char end;
    if (!run_log_file_pread(file->index, bytes, sizeof(bytes), (count - 1) * RUN_LOG_RECORD_SIZE, &err) ||
        !run_log_record_is_good(bytes))
        return false;
    run_log_record_peek(bytes, &record);
    if (!run_log_record_fits(&record, lines_size) ||
        !run_log_file_pread(file->lines, &end, 1, record.offset + record.len, &err) || end != '\n')
        return false;
    *size_out = record.offset + record.len + 1;
    return true;
}

bool run_log_file_measure(struct run_log_file *file, struct err *err)
{
    struct stat lines, index;
    if (fstat(file->lines, &lines) != 0 || fstat(file->index, &index) != 0)
        return err_errno(err, "look at the log");
    file->count = (uint64_t)index.st_size / RUN_LOG_RECORD_SIZE;
    file->size = 0;
    while (file->count > 0 && !run_log_file_is_whole(file, file->count, (uint64_t)lines.st_size, &file->size))
        file->count--;
    return true;
}

static bool run_log_file_open_as(const char *path, int flags, struct run_log_file *file, struct err *err)
{
    char name[PATH_MAX];
    *file = (struct run_log_file){.lines = -1, .index = -1};
    snprintf(name, sizeof(name), "%s.log", path);
    file->lines = open(name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    int failed = errno;
    if (file->lines >= 0) {
        snprintf(name, sizeof(name), "%s.idx", path);
        file->index = open(name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
        failed = errno;
    }
    if (file->index >= 0)
        return true;
    run_log_file_close(file);
    if (failed == ENOENT) {
        err_set(err, ERR_NOT_FOUND, "there is no log of this run (any more)");
        return err_hint(err, "pipeline.keep and pipeline.keep_runs say how long logs are kept");
    }
    errno = failed;
    return err_errno(err, "open '%s'", name);
}

bool run_log_file_open(const char *path, struct run_log_file *file_out, struct err *err)
{
    if (!run_log_file_open_as(path, O_RDONLY, file_out, err))
        return false;
    if (run_log_file_measure(file_out, err))
        return true;
    run_log_file_close(file_out);
    return false;
}

void run_log_file_close(struct run_log_file *file)
{
    if (file->lines >= 0)
        close(file->lines);
    if (file->index >= 0)
        close(file->index);
    file->lines = file->index = -1;
}

bool run_log_file_recover(const char *path, uint64_t *count_out, uint64_t *size_out, struct err *err)
{
    struct run_log_file file;
    *count_out = *size_out = 0;
    if (!run_log_file_open_as(path, O_RDWR, &file, err))
        return err->code == ERR_NOT_FOUND; /* it begins now */
    bool ok = run_log_file_measure(&file, err);
    if (ok && (ftruncate(file.index, (off_t)(file.count * RUN_LOG_RECORD_SIZE)) != 0 ||
               ftruncate(file.lines, (off_t)file.size) != 0))
        ok = err_errno(err, "cut the log's torn end off");
    *count_out = file.count;
    *size_out = file.size;
    run_log_file_close(&file);
    return ok;
}

static bool run_log_file_pwrite(int fd, struct str bytes, uint64_t offset, struct err *err)
{
    while (bytes.len > 0) {
        ssize_t written = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_errno(err, "write the log");
        bytes = str_from_index(bytes, (size_t)written);
        offset += (uint64_t)written;
    }
    return true;
}

bool run_log_file_write(const char *path, uint64_t size, struct str lines, uint64_t count, struct str records,
                        struct err *err)
{
    struct run_log_file file;
    if (!run_log_file_open_as(path, O_WRONLY | O_CREAT, &file, err))
        return false;
    bool ok = run_log_file_pwrite(file.lines, lines, size, err) &&
              run_log_file_pwrite(file.index, records, count * RUN_LOG_RECORD_SIZE, err);
    run_log_file_close(&file);
    return ok;
}

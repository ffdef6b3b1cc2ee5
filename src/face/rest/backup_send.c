/* A file (of a backup, or a published one) on its way: a few chunks at a time, the next read when one has left, so that
 * a slow client costs no memory. Chunks come back one by one, also when the client went away; the download ends with
 * the last of them. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "face/rest/backup.h"

#define REST_CHUNK_SIZE (256 * 1024)
#define REST_CHUNKS_MAX 4

struct rest_download {
    struct loop *loop;
    size_t *readers;                /* counts it while it lives; may be NULL */
    struct rest_exchange *exchange; /* NULL: the client has gone, or all was handed over */
    int fd;
    int64_t left;  /* bytes still to be read */
    size_t chunks; /* on their way */
    struct loop_task task;
};

struct rest_chunk {
    struct rest_download *download;
    uint8_t bytes[REST_CHUNK_SIZE];
};

static void rest_download_free(struct rest_download *download)
{
    if (download->readers)
        --*download->readers;
    loop_defer_cancel(&download->task);
    close(download->fd);
    mem_free(download);
}

static void rest_download_release(void *owner)
{
    struct rest_chunk *chunk = owner;
    struct rest_download *download = chunk->download;
    download->chunks--;
    mem_free(chunk);
    /* Not from here: the carrier is in the middle of sending. */
    loop_defer(download->loop, &download->task);
}

/* The next chunk; false when the file is not what it was measured as. */
static bool rest_download_chunk(struct rest_download *download, struct err *err)
{
    struct rest_chunk *chunk = mem_new(struct rest_chunk);
    size_t want = download->left < REST_CHUNK_SIZE ? (size_t)download->left : REST_CHUNK_SIZE;
    ssize_t got = read(download->fd, chunk->bytes, want);
    if (got <= 0) {
        mem_free(chunk);
        return got < 0 ? err_errno(err, "read the file") : err_set(err, ERR_DATA_LOSS, "the file is cut");
    }
    chunk->download = download;
    download->left -= got;
    download->chunks++;
    rest_write(
        download->exchange,
        (struct slice){.ptr = chunk->bytes, .len = (size_t)got, .release = rest_download_release, .owner = chunk});
    return true;
}

static void rest_download_run(struct loop_task *task)
{
    struct rest_download *download = task->owner;
    struct err err;
    bool ok = true;
    while (ok && download->exchange && download->left > 0 && download->chunks < REST_CHUNKS_MAX)
        ok = rest_download_chunk(download, &err);
    struct rest_exchange *exchange = download->exchange;
    if (exchange && (!ok || download->left == 0)) {
        download->exchange = NULL;
        if (ok)
            rest_end(exchange);
        else
            rest_abort(exchange, &err);
    }
    if (!download->exchange && download->chunks == 0)
        rest_download_free(download);
}

static void rest_download_on_gone(void *owner)
{
    struct rest_download *download = owner;
    download->exchange = NULL;
    loop_defer(download->loop, &download->task);
}

void rest_send_file(struct rest_exchange *exchange, const char *path, size_t *readers)
{
    struct err err;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0) {
        rest_send_open(exchange, fd, readers);
        return;
    }
    err_errno(&err, "open the file");
    rest_fail(exchange, &err);
}

void rest_send_open(struct rest_exchange *exchange, int fd, size_t *readers)
{
    struct err err;
    struct stat stat;
    if (fstat(fd, &stat) != 0) {
        err_errno(&err, "open the file");
        close(fd);
        rest_fail(exchange, &err);
        return;
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    struct rest_download *download = mem_new(struct rest_download);
    *download = (struct rest_download){
        .loop = exchange->rest->loop, .readers = readers, .exchange = exchange, .fd = fd, .left = stat.st_size};
    download->task = (struct loop_task){.run = rest_download_run, .owner = download};
    list_init(&download->task.node);
    if (readers)
        ++*readers;
    exchange->edge.on_gone = rest_download_on_gone;
    exchange->edge.owner = download;
    rest_begin(exchange, S("application/octet-stream"), NULL, 0);
    loop_defer(download->loop, &download->task);
}

#include "worker/worker.h"

#include <fcntl.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/confine.h"
#include "worker/lock.h"
#include "worker/worker_priv.h"

#define WORKER_WATCHER_STACK_BYTES 65536

/* Ends the process when the front has gone, whatever the other threads are stuck in. */
static void *worker_watch(void *owner)
{
    (void)owner;
    struct pollfd channel = {.fd = WORKER_CHANNEL_FD, .events = POLLRDHUP};
    while (poll(&channel, 1, -1) <= 0)
        continue;
    _exit(0);
}

static bool worker_start_watcher(struct err *err)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, WORKER_WATCHER_STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int failed = pthread_create(&thread, &attributes, worker_watch, NULL);
    pthread_attr_destroy(&attributes);
    return failed ? err_set(err, ERR_RESOURCE, "cannot start the watcher thread") : true;
}

static bool worker_read_hello(struct worker *worker, struct err *err)
{
    struct channel_frame frame;
    if (channel_port_read(&worker->port, -1, &frame, err) != CHANNEL_PORT_FRAME)
        return false;
    if (frame.type != CHANNEL_HELLO)
        return err_set(err, ERR_INTERNAL, "the first frame is %s, not HELLO", channel_type_name(frame.type));
    if (!channel_decode_hello(frame.payload, worker->arena, &worker->hello, err))
        return false;
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (!limits_set(str_from(limits_name((enum limit)i)), worker->hello.limits[i], err))
            return false;
    return true;
}

/* The spill directory, without what a killed predecessor left in it. The tenant's lock is held. */
static bool worker_prepare_temp(const struct channel_hello *hello, struct err *err)
{
    if (hello->temp_directory.len == 0)
        return true;
    if (mkdir(hello->temp_directory.ptr, 0700) != 0 && access(hello->temp_directory.ptr, W_OK) != 0)
        return err_errno(err, "create the directory for spill files");
    if (hello->directory.len == 0)
        return true; /* an import worker shares its directory with others */
    DIR *directory = opendir(hello->temp_directory.ptr);
    if (!directory)
        return err_errno(err, "open the directory for spill files");
    struct dirent *entry;
    while ((entry = readdir(directory)))
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    return true;
}

/* What is not there when the worker is confined, it cannot make later. As open to others as the project is. */
static void worker_prepare_project(struct str root)
{
    static const char *const names[] = {"data", "data/source", "data/processed", "data/final"};
    AUTO(arena) struct arena *arena = arena_new();
    struct stat own;
    if (root.len == 0 || stat(root.ptr, &own) != 0)
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct str path = str_format(arena, "%.*s/%s", STR_ARG(root), names[i]);
        if (mkdir(path.ptr, 0700) == 0 && chmod(path.ptr, own.st_mode & 0777) != 0)
            fprintf(stderr, "project: %s is open to its owner alone\n", names[i]);
    }
}

/* Where its statements are: in the project, whose paths pipelines write down; else, since CREATE TABLE AS in Iceberg
 * makes an empty directory "data" where the process stands, among the spill files. */
static bool worker_enter(const struct channel_hello *hello, struct err *err)
{
    if (hello->project.len)
        return chdir(hello->project.ptr) == 0 || err_errno(err, "enter the project's directory");
    if (hello->catalog_url.len && chdir(hello->temp_directory.ptr) != 0)
        return err_errno(err, "enter the directory for spill files");
    return true;
}

static bool worker_open_engine(struct worker *worker, struct err *err)
{
    const struct channel_hello *hello = &worker->hello;
    AUTO(arena) struct arena *arena = arena_new();
    const struct str directories[] = {str_format(arena, "%.*s/data/source", STR_ARG(hello->project)),
                                      str_format(arena, "%.*s/seeds", STR_ARG(hello->project))};
    struct engine_options options = {
        .library = hello->library,
        .database = hello->database,
        .temp_directory = hello->temp_directory,
        .extensions = hello->extensions,
        .iceberg = {.url = hello->catalog_url, .pass = hello->catalog_pass, .warehouse = hello->warehouse},
        .memory_limit_bytes = (int64_t)hello->memory_limit_bytes,
        .threads = (int)hello->threads,
        .setup = hello->setup,
        .allowed_directories = directories,
        .allowed_directory_count = hello->project.len ? 2 : 0,
        .external_access = hello->external_access};
    if (!worker_enter(hello, err))
        return false;
    worker->engine = engine_open(&options, err);
    return worker->engine != NULL;
}

static void worker_send_ready(struct worker *worker, uint32_t landlock_abi, const struct err *error)
{
    struct channel_ready ready = {.landlock_abi = landlock_abi};
    if (error) {
        ready.code = error->code;
        ready.message = err_message(error);
        ready.hint = str_from(error->hint);
    } else {
        ready.engine_version = str_from(engine_version(worker->engine));
    }
    AUTO(buf) struct buf frame = {0};
    channel_encode_ready(&frame, &ready);
    channel_port_write(&worker->port, buf_str(&frame)); /* a front that has gone is seen by the next read */
}

static bool worker_open(struct worker *worker, uint32_t *landlock_abi_out, struct err *err)
{
    const struct channel_hello *hello = &worker->hello;
    if (hello->directory.len && !worker_lock(hello->directory, err))
        return false;
    worker_prepare_project(hello->project);
    if (!worker_prepare_temp(hello, err) || !worker_confine(hello, landlock_abi_out, err))
        return false;
    /* After confining: Landlock binds the threads that exist later. */
    return worker_start_watcher(err) && worker_open_engine(worker, err);
}

static void worker_init(struct worker *worker)
{
    worker->arena = arena_new();
    channel_port_init(&worker->port, WORKER_CHANNEL_FD);
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->role_free, NULL);
    list_init(&worker->statements);
}

int worker_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct stat stat;
    if (fstat(WORKER_CHANNEL_FD, &stat) != 0 || !S_ISSOCK(stat.st_mode)) {
        fprintf(stderr, "eider: 'worker' is started by the server, not by hand\n");
        return 2;
    }
    close_range(WORKER_CHANNEL_FD + 1, ~0u, 0); /* whatever the front's parent leaked */
    fcntl(WORKER_CHANNEL_FD, F_SETFD, FD_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* a terminal's ^C is the front's to handle */
    umask(0077);

    static struct worker worker; /* threads use it until the process ends */
    struct err error;
    uint32_t landlock_abi = 0;
    worker_init(&worker);
    bool ok = worker_read_hello(&worker, &error) && worker_open(&worker, &landlock_abi, &error);
    worker_send_ready(&worker, landlock_abi, ok ? NULL : &error);
    if (!ok)
        return 1;
    worker_serve(&worker);
}

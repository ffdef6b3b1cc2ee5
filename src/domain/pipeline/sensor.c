#include "domain/pipeline/sensor.h"

#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buf.h"

static void sensor_add(struct digest *digest, const char *path, const struct stat *info)
{
    char text[96];
    int len = snprintf(text, sizeof(text), "%lld %lld.%09ld ", (long long)info->st_size,
                       (long long)info->st_mtim.tv_sec, info->st_mtim.tv_nsec);
    digest_add(digest, str_bytes(text, (size_t)len));
    digest_add(digest, str_bytes(path, strlen(path) + 1));
}

/* On a thread of the pool. */
static void sensor_look_run(struct work_job *job)
{
    struct sensor_look *look = list_object(job, struct sensor_look, job);
    struct digest *digest __attribute__((cleanup(digest_cleanup))) = digest_new();
    glob_t found = {0};
    look->files = 0;
    look->state[0] = '\0';
    if (glob(look->pattern, 0, NULL, &found) == 0) { /* sorted */
        for (size_t i = 0; i < found.gl_pathc; i++) {
            struct stat info;
            if (stat(found.gl_pathv[i], &info) != 0 || !S_ISREG(info.st_mode))
                continue;
            sensor_add(digest, found.gl_pathv[i], &info);
            look->files++;
        }
    }
    globfree(&found);
    if (look->files > 0)
        digest_finish(digest, look->state);
}

static void sensor_look_done(struct work_job *job)
{
    struct sensor_look *look = list_object(job, struct sensor_look, job);
    mem_free(look->pattern);
    look->pattern = NULL;
    look->is_busy = false;
    look->done(look);
}

void sensor_look_start(struct sensor_look *look, struct work_pool *pool, struct str root, struct str glob)
{
    struct buf pattern = {0}; /* its bytes become the look's */
    for (size_t i = 0; i < root.len; i++) {
        if (strchr("*?[\\", root.ptr[i]))
            buf_append_char(&pattern, '\\');
        buf_append_char(&pattern, root.ptr[i]);
    }
    buf_append_char(&pattern, '/');
    buf_append_str(&pattern, glob);
    buf_append_char(&pattern, '\0');
    look->pattern = (char *)pattern.ptr;
    look->is_busy = true;
    look->job = (struct work_job){.run = sensor_look_run, .done = sensor_look_done};
    work_submit(pool, &look->job);
}

bool sensor_is_stable(struct sensor *sensor, const char *state, int64_t stable_us, int64_t now_us)
{
    if (sensor->since_us == 0 || strcmp(sensor->seen, state) != 0) {
        memcpy(sensor->seen, state, strlen(state) + 1);
        sensor->since_us = now_us;
    }
    return now_us - sensor->since_us >= stable_us;
}

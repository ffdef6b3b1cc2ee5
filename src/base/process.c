#include "base/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* Fields 3 (state), 4 (parent) and 22 (start) of /proc/PID/stat, behind the name in brackets, which may hold anything.
 */
static bool process_read(struct str text, struct process *process)
{
    const char *bracket = memrchr(text.ptr, ')', text.len);
    if (!bracket)
        return false;
    struct str rest = str_trim(str_from_index(text, (size_t)(bracket + 1 - text.ptr))), field;
    for (int number = 3; str_split_next(&rest, ' ', &field); number++) {
        if (number == 3)
            process->ended = str_equal(field, S("Z")) || str_equal(field, S("X"));
        if (number == 4 && !str_to_i64(field, &process->parent))
            return false;
        if (number == 22)
            return str_to_i64(field, &process->start);
    }
    return false;
}

bool process_find(int64_t pid, struct process *process_out)
{
    char path[64], text[1024];
    (void)snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, text, sizeof(text));
    (void)close(fd);
    struct process process = {.pid = pid};
    if (len <= 0 || !process_read(str_bytes(text, (size_t)len), &process))
        return false;
    *process_out = process;
    return true;
}

bool process_is_alive(const struct process *process)
{
    struct process now;
    return process_find(process->pid, &now) && now.start == process->start && !now.ended;
}

bool process_signal(const struct process *process, int signal)
{
    /* The descriptor is of whoever has the number now, and of nobody who gets it later. */
    int fd = pidfd_open((pid_t)process->pid, 0);
    if (fd < 0)
        return false;
    bool sent = process_is_alive(process);
    errno = ESRCH;
    sent = sent && pidfd_send_signal(fd, signal, NULL, 0) == 0;
    int why = errno;
    (void)close(fd);
    errno = why;
    return sent;
}

static bool process_is_listed(const struct process_list *list, const struct process *process)
{
    for (size_t i = 0; i < list->all.count; i++)
        if (list->all.items[i].pid == process->pid && list->all.items[i].start == process->start)
            return true;
    return false;
}

void process_add_descendants(int64_t root, struct process_list *list)
{
    struct process_list now = {0};
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    struct process process;
    int64_t pid;
    while (directory && (entry = readdir(directory)))
        if (isdigit((unsigned char)entry->d_name[0]) && str_to_i64(str_from(entry->d_name), &pid) &&
            process_find(pid, &process) && !process.ended)
            vec_push(&now.all, process);
    if (directory)
        (void)closedir(directory);
    size_t next = list->all.count;
    for (int64_t parent = root;; parent = list->all.items[next++].pid) {
        for (size_t i = 0; i < now.all.count; i++)
            if (now.all.items[i].parent == parent && !process_is_listed(list, &now.all.items[i]))
                vec_push(&list->all, now.all.items[i]);
        if (next == list->all.count)
            break;
    }
    vec_done(&now.all);
}

size_t process_print(const struct process *process, char *text)
{
    return (size_t)snprintf(text, PROCESS_TEXT, "%lld %lld\n", (long long)process->pid, (long long)process->start);
}

bool process_parse(struct str text, struct process *process_out)
{
    struct str rest = str_trim(text), pid, start;
    struct process process = {0};
    if (!str_split_next(&rest, ' ', &pid) || !str_split_next(&rest, ' ', &start) || !str_to_i64(pid, &process.pid) ||
        !str_to_i64(start, &process.start) || process.pid <= 0)
        return false;
    *process_out = process;
    return true;
}

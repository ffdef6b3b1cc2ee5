/* eider doctor: looks at the installation, the kernel, the limits and the data directory, and says what to do. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/cli_priv.h"
#include "cli/layout.h"
#include "cli/library.h"
#include "cli/terminal.h"
#include "cli/text.h"

#define DUCKDB_VERSION "v1.5.5"
#define DEFAULT_PORT 8815
/* A clock before this (2026-01-01 UTC) is wrong: the program is younger. */
#define CLOCK_LEAST_US (INT64_C(1767225600) * CLOCK_SECOND)
/* Below it the kernel cannot confine TCP. */
#define LANDLOCK_TCP_ABI 4

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct finding {
    const char *check;
    enum verdict verdict;
    struct str detail;
    const char *fix; /* NULL when there is nothing to do */
};

struct doctor {
    struct cli *cli;
    struct cli_layout layout;
    struct str data;
    VEC(struct finding) findings;
};

static void find(struct doctor *doctor, const char *check, enum verdict verdict, struct str detail, const char *fix)
{
    struct finding finding = {check, verdict, detail, fix};
    vec_push(&doctor->findings, finding);
}

static void check_library(struct doctor *doctor)
{
    struct arena *arena = doctor->cli->arena;
    struct str version;
    struct err error;
    if (doctor->layout.library.len == 0)
        find(doctor, "duckdb", VERDICT_FAIL, S("libduckdb.so was not found"),
             "install it as lib/eider/libduckdb.so beside bin/, or run `make setup` in the source directory");
    else if (!cli_library_version(arena, doctor->layout.library, &version, &error))
        find(doctor, "duckdb", VERDICT_FAIL, str_copy(arena, err_message(&error)), "install the library again");
    else if (!str_equal(version, S(DUCKDB_VERSION)))
        find(doctor, "duckdb", VERDICT_FAIL,
             str_format(arena, "version %.*s, but " DUCKDB_VERSION " is needed", STR_ARG(version)),
             "install the library that came with this eider");
    else
        find(doctor, "duckdb", VERDICT_OK,
             str_format(arena, "%.*s, %.*s", STR_ARG(version), STR_ARG(doctor->layout.library)), NULL);
}

static void check_extensions(struct doctor *doctor)
{
    static const char *const names[] = {"iceberg", "avro", "httpfs"};
    struct arena *arena = doctor->cli->arena;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct str path = str_format(arena, "%.*s/%s.duckdb_extension", STR_ARG(doctor->layout.extensions), names[i]);
        if (doctor->layout.extensions.len > 0 && access(path.ptr, R_OK) == 0)
            continue;
        find(doctor, "extensions", VERDICT_WARN, str_format(arena, "the extension %s is missing", names[i]),
             "install lib/eider/extensions, or run `make setup` in the source directory");
        return;
    }
    find(doctor, "extensions", VERDICT_OK, doctor->layout.extensions, NULL);
}

static void check_landlock(struct doctor *doctor)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct arena *arena = doctor->cli->arena;
    if (abi < 1)
        find(doctor, "landlock", VERDICT_WARN, S("not there: a worker that breaks out of DuckDB is not held back"),
             "use Linux 6.7 or newer with landlock in the kernel's lsm= list");
    else if (abi < LANDLOCK_TCP_ABI)
        find(doctor, "landlock", VERDICT_WARN, str_format(arena, "ABI %ld confines files, but not TCP", abi),
             "use Linux 6.7 or newer");
    else
        find(doctor, "landlock", VERDICT_OK, str_format(arena, "ABI %ld", abi), NULL);
}

static void check_memfd(struct doctor *doctor)
{
    int fd = memfd_create("eider-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    bool sealed =
        fd >= 0 && ftruncate(fd, 4096) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
    if (fd >= 0)
        (void)close(fd);
    if (sealed)
        find(doctor, "memfd", VERDICT_OK, S("sealed shared memory works"), NULL);
    else
        find(doctor, "memfd", VERDICT_FAIL, S("the kernel gives no sealed shared memory"),
             "allow memfd_create in the container's seccomp profile");
}

static void check_descriptors(struct doctor *doctor)
{
    struct rlimit limit = {0};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    struct str detail = str_format(doctor->cli->arena, "%llu open files at most", (unsigned long long)limit.rlim_max);
    bool enough = limit.rlim_max >= (rlim_t)limits_get(LIMIT_CONNECTIONS) + 1000;
    find(doctor, "descriptors", enough ? VERDICT_OK : VERDICT_WARN, detail,
         enough ? NULL : "raise the hard limit (LimitNOFILE= of systemd, ulimit -Hn), or lower net.max_connections");
}

/* The directory itself, or the nearest one above it that exists. */
static struct str existing_directory(struct arena *arena, struct str path)
{
    while (access(str_cstr(arena, path), F_OK) != 0) {
        size_t len = path.len;
        while (len > 0 && path.ptr[len - 1] != '/')
            len--;
        if (len <= 1)
            return len == 1 ? S("/") : S(".");
        path = str_slice(path, 0, len - 1);
    }
    return path;
}

static void check_data(struct doctor *doctor)
{
    struct arena *arena = doctor->cli->arena;
    struct str there = existing_directory(arena, doctor->data);
    const char *path = str_cstr(arena, there);
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
        find(doctor, "data", VERDICT_FAIL, str_format(arena, "%s is not a directory", path),
             "name another one with --data");
        return;
    }
    if (access(path, W_OK | X_OK) != 0) {
        find(doctor, "data", VERDICT_FAIL, str_format(arena, "%s cannot be written", path),
             "name another one with --data, or give this user the right");
        return;
    }
    bool exists = str_equal(there, doctor->data);
    if (exists && stat(path, &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)))
        find(doctor, "data", VERDICT_WARN, str_format(arena, "%s can be read by other users", path), "chmod 700 it");
    else
        find(doctor, "data", VERDICT_OK,
             str_format(arena, "%.*s%s", STR_ARG(doctor->data), exists ? "" : " (does not exist yet)"), NULL);
}

static void check_space(struct doctor *doctor)
{
    struct statvfs disk;
    if (statvfs(str_cstr(doctor->cli->arena, existing_directory(doctor->cli->arena, doctor->data)), &disk) != 0)
        return;
    double percent = disk.f_blocks ? 100.0 * (double)disk.f_bavail / (double)disk.f_blocks : 100;
    bool enough = percent >= (double)limits_get(LIMIT_DISK_FREE);
    struct buf text = {0};
    cli_text_bytes(&text, (double)disk.f_bavail * (double)disk.f_frsize);
    buf_printf(&text, " free (%.0f %%)", percent);
    find(doctor, "disk", enough ? VERDICT_OK : VERDICT_FAIL, str_copy(doctor->cli->arena, buf_str(&text)),
         enough ? NULL : "make room: below disk.min_free the server refuses writes");
    buf_done(&text);
}

static void check_lock(struct doctor *doctor)
{
    struct arena *arena = doctor->cli->arena;
    struct cli_server server;
    struct err error;
    if (!cli_data_is_locked(arena, doctor->data))
        find(doctor, "lock", VERDICT_OK, S("free: no server uses the data directory"), NULL);
    else if (cli_server_find(arena, S(""), doctor->data, false, &server, &error))
        find(doctor, "lock", VERDICT_OK, str_format(arena, "held by the server at %.*s", STR_ARG(server.url)), NULL);
    else
        find(doctor, "lock", VERDICT_WARN, str_copy(arena, err_message(&error)), "ask again in a moment");
}

/* 0 when it can be bound, else errno. */
static int try_port(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        return errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    int error = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
    (void)close(fd);
    return error;
}

static void check_port(struct doctor *doctor)
{
    struct cli *cli = doctor->cli;
    int error = try_port(DEFAULT_PORT);
    struct err ignored;
    const struct json *health = NULL;
    if (error == EADDRINUSE && cli_url_parse(cli->arena, S(CLI_DEFAULT_URL), &cli->server, &ignored) &&
        (cli->http = http_client_open(&ignored)))
        (void)!cli_call(cli, "GET", S("/health"), S(""), &health, &ignored);
    if (error == 0)
        find(doctor, "port", VERDICT_OK, S("8815 is free"), NULL);
    else if (json_get(health, "status"))
        find(doctor, "port", VERDICT_OK, S("8815 is used by an eider server"), NULL);
    else if (error == EADDRINUSE)
        find(doctor, "port", VERDICT_WARN, S("8815 is used by another program"),
             "start the server with --listen 127.0.0.1:PORT and say EIDER_URL=http://127.0.0.1:PORT");
    else
        find(doctor, "port", VERDICT_WARN,
             str_format(cli->arena, "8815 cannot be used: %s", str_from(strerror(error)).ptr),
             "start the server with another --listen");
}

static cli_warehouse_check *warehouse_check;

void cli_doctor_asks(cli_warehouse_check *check)
{
    warehouse_check = check;
}

static void check_warehouse(struct doctor *doctor)
{
    struct arena *arena = doctor->cli->arena;
    struct str detail;
    struct err error = {0};
    if (!warehouse_check)
        return;
    if (warehouse_check(arena, doctor->data, &detail, &error))
        find(doctor, "warehouse", VERDICT_OK, detail, NULL);
    else
        find(doctor, "warehouse", VERDICT_FAIL, str_copy(arena, err_message(&error)),
             error.hint[0] ? str_cstr(arena, str_from(error.hint)) : "correct `warehouse:` in eider.yaml");
}

static void check_clock(struct doctor *doctor)
{
    char now[32];
    int64_t wall_us = clock_wall_us();
    clock_format(wall_us, now);
    bool sane = wall_us >= CLOCK_LEAST_US;
    find(doctor, "clock", sane ? VERDICT_OK : VERDICT_FAIL, str_copy(doctor->cli->arena, str_from(now)),
         sane ? NULL : "set the clock: it is older than this program");
}

/* --- What the user sees. --- */

static const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {"ok", "warn", "FAIL"};
    return names[verdict];
}

static bool print_lines(const struct doctor *doctor, struct err *err)
{
    static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
    bool colour = cli_terminal_of(STDOUT_FILENO).colour;
    struct buf text = {0};
    for (size_t i = 0; i < doctor->findings.count; i++) {
        const struct finding *finding = &doctor->findings.items[i];
        buf_printf(&text, "%s%-4s%s  %-11s  %.*s\n", colour ? colours[finding->verdict] : "",
                   verdict_name(finding->verdict), colour ? "\033[0m" : "", finding->check, STR_ARG(finding->detail));
        if (finding->fix)
            buf_printf(&text, "%19s→ %s\n", "", finding->fix);
    }
    bool written = cli_terminal_write(STDOUT_FILENO, buf_str(&text), err);
    buf_done(&text);
    return written;
}

static bool print_rows(const struct doctor *doctor, struct err *err)
{
    static const struct cli_column columns[] = {
        {.name = {"check", 5}}, {.name = {"result", 6}}, {.name = {"detail", 6}}, {.name = {"fix", 3}}};
    AUTO(cli_output)
    struct cli_output *output = cli_output_open(cli_format(doctor->cli), STDOUT_FILENO, false, columns, 4);
    for (size_t i = 0; i < doctor->findings.count; i++) {
        const struct finding *finding = &doctor->findings.items[i];
        const struct cli_cell cells[] = {
            CLI_TEXT(str_from(finding->check)),
            CLI_TEXT(str_from(verdict_name(finding->verdict))),
            CLI_TEXT(finding->detail),
            finding->fix ? CLI_TEXT(str_from(finding->fix)) : (struct cli_cell){0},
        };
        if (!cli_output_row(output, cells, err))
            return false;
    }
    return cli_output_finish(output, err);
}

static bool run(struct cli *cli, struct err *err)
{
    struct doctor doctor = {
        .cli = cli,
        .layout = cli_layout_find(cli->arena),
        .data = cli_data_directory(cli->arena, cli_option(cli, "data")),
    };
    find(&doctor, "program", VERDICT_OK, doctor.layout.program, NULL);
    check_library(&doctor);
    check_extensions(&doctor);
    check_landlock(&doctor);
    check_memfd(&doctor);
    check_descriptors(&doctor);
    check_data(&doctor);
    check_space(&doctor);
    check_lock(&doctor);
    check_port(&doctor);
    check_warehouse(&doctor);
    check_clock(&doctor);
    for (size_t i = 0; i < doctor.findings.count; i++)
        if (doctor.findings.items[i].verdict == VERDICT_FAIL)
            cli->exit_code = CLI_EXIT_ERROR;
    bool lines = cli_format(cli) == CLI_FORMAT_TABLE;
    bool printed = lines ? print_lines(&doctor, err) : print_rows(&doctor, err);
    vec_done(&doctor.findings);
    return printed;
}

static const struct cli_option options[] = {
    CLI_OUTPUT_OPTION,
    {.name = "data", .value = "DIR", .help = "the data directory to look at (EIDER_DATA)"},
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_doctor = {
    .name = "doctor",
    .summary = "check installation, kernel, limits and data directory",
    .usage = "[OPTION]...",
    .details = "Each line is ok, warn or FAIL, with what to do about it. The exit code is 1 when something failed.\n",
    .options = options,
    .run = run,
};

/* Finding a server, or starting one. */
#include "cli/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "platform/yaml/yaml.h"

#define DEFAULT_PORT 8815
#define START_TIMEOUT_US (20 * CLOCK_SECOND)
#define POLL_US (1 * CLOCK_MILLISECOND)
/* An eider.yaml is not longer. */
#define CONFIG_MAX ((size_t)1 << 20)
/* The files of a data directory that a command may look at. */
#define LOCK_FILE "eider.lock"
#define ADDRESS_FILE "eider.addr"

static struct str environment(const char *name)
{
    return str_from(getenv(name));
}

static void sleep_us(int64_t duration_us)
{
    struct timespec time = {.tv_sec = duration_us / CLOCK_SECOND, .tv_nsec = duration_us % CLOCK_SECOND * 1000};
    (void)nanosleep(&time, NULL);
}

static const char *config_path(void)
{
    return environment("EIDER_CONFIG").len > 0 ? getenv("EIDER_CONFIG") : "eider.yaml";
}

/* A member of eider.yaml, or empty. A file that cannot be read is the server's to complain about. */
static struct str configured(struct arena *arena, const char *key)
{
    struct err ignored;
    char *text = arena_alloc(arena, CONFIG_MAX);
    int fd = open(config_path(), O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, CONFIG_MAX) : -1;
    if (fd >= 0)
        (void)close(fd);
    const struct yaml *value =
        len > 0 ? yaml_get(yaml_parse(arena, str_bytes(text, (size_t)len), &ignored), key) : NULL;
    return value ? yaml_text(value) : S("");
}

/* The member data, or db; both from where eider.yaml is. */
static struct str configured_data(struct arena *arena)
{
    struct str data = configured(arena, "data"), file = str_from(config_path());
    if (data.len == 0)
        data = S("db");
    while (file.len > 0 && file.ptr[file.len - 1] != '/')
        file.len--;
    return data.ptr[0] == '/' ? data : str_format(arena, "%.*s%.*s", STR_ARG(file), STR_ARG(data));
}

struct str cli_data_directory(struct arena *arena, struct str option)
{
    if (option.len > 0)
        return option;
    if (environment("EIDER_DATA").len > 0)
        return environment("EIDER_DATA");
    if (access(config_path(), F_OK) == 0)
        return configured_data(arena);
    if (environment("XDG_DATA_HOME").len > 0)
        return str_format(arena, "%s/eider", getenv("XDG_DATA_HOME"));
    const char *home = getenv("HOME");
    return str_format(arena, "%s/.local/share/eider", home ? home : ".");
}

static struct str path_in(struct arena *arena, struct str directory, const char *name)
{
    return str_format(arena, "%.*s/%s", STR_ARG(directory), name);
}

bool cli_data_holder(struct arena *arena, struct str data, struct process *process_out)
{
    char text[PROCESS_TEXT];
    int fd = open(path_in(arena, data, LOCK_FILE).ptr, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t len = pread(fd, text, sizeof(text), 0);
    /* Whoever wrote there and has ended holds nothing. The lock is not even tried then: a server that is just starting
     * would find it taken. */
    bool held = len > 0 && process_parse(str_bytes(text, (size_t)len), process_out) && process_is_alive(process_out) &&
                flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    (void)close(fd);
    return held;
}

bool cli_data_is_locked(struct arena *arena, struct str data)
{
    struct process holder;
    return cli_data_holder(arena, data, &holder);
}

bool cli_url_parse(struct arena *arena, struct str url, struct cli_server *server_out, struct err *err)
{
    struct str rest = url, port_text = {0}, host;
    bool is_secure = str_starts_with(rest, S("https://"));
    if (is_secure || str_starts_with(rest, S("http://")))
        rest = str_from_index(rest, is_secure ? 8 : 7);
    else if (str_find(rest, S("://")) >= 0)
        return err_set(err, ERR_INVALID, "'%.*s' is not an http:// or https:// address", STR_ARG(url));
    while (str_ends_with(rest, S("/")))
        rest.len--;
    ptrdiff_t bracket = str_find_char(rest, ']'), colon;
    if (str_starts_with(rest, S("[")) && bracket > 0) {
        host = str_slice(rest, 1, (size_t)bracket - 1);
        rest = str_from_index(rest, (size_t)bracket + 1);
        if (rest.len > 0)
            port_text = str_from_index(rest, 1);
    } else {
        colon = str_find_char(rest, ':');
        host = colon < 0 ? rest : str_slice(rest, 0, (size_t)colon);
        if (colon >= 0)
            port_text = str_from_index(rest, (size_t)colon + 1);
    }
    uint64_t port = DEFAULT_PORT;
    bool bad_port = port_text.ptr && (!str_to_u64(port_text, &port) || port == 0 || port > 65535);
    if (bad_port || host.len == 0 || str_find_char(host, '/') >= 0)
        return err_set(err, ERR_INVALID, "'%.*s' is no address of a server", STR_ARG(url));
    bool v6 = str_find_char(host, ':') >= 0;
    *server_out = (struct cli_server){
        .url = str_format(arena, v6 ? "%s://[%.*s]:%u" : "%s://%.*s:%u", is_secure ? "https" : "http", STR_ARG(host),
                          (unsigned)port),
        .host = str_copy(arena, host),
        .port = (uint16_t)port,
        .is_secure = is_secure,
        .trust = {.ca = environment("EIDER_CA"), .fingerprint = environment("EIDER_FINGERPRINT")},
    };
    return true;
}

static bool is_listening(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool open = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0)
        (void)close(fd);
    return open;
}

struct str cli_data_address(struct arena *arena, struct str data)
{
    char text[400];
    int fd = open(path_in(arena, data, ADDRESS_FILE).ptr, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return S("");
    ssize_t len = read(fd, text, sizeof(text));
    (void)close(fd);
    struct str lines = len > 0 ? str_bytes(text, (size_t)len) : S("");
    /* A line that is not ended is still being written. */
    return str_ends_with(lines, S("\n")) ? str_copy(arena, str_trim(lines)) : S("");
}

/* Whom to trust is known then: the directory is its owner's alone. */
static bool parse_address(struct arena *arena, struct str lines, struct cli_server *server_out, struct err *err)
{
    struct str url = S("");
    (void)str_split_next(&lines, '\n', &url);
    if (!cli_url_parse(arena, str_trim(url), server_out, err))
        return false;
    if (server_out->trust.ca.len == 0 && server_out->trust.fingerprint.len == 0)
        server_out->trust.fingerprint = str_trim(lines);
    return true;
}

static _Noreturn void run_server(const char *program, const char *data, const char *token, int log_fd, pid_t parent)
{
    /* A group of its own, so that Ctrl-C reaches the command alone, which then stops the server in order. */
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)dup2(null_fd, STDIN_FILENO);
    (void)dup2(log_fd, STDOUT_FILENO);
    (void)dup2(log_fd, STDERR_FILENO);
    (void)setenv("EIDER_OWNER_TOKEN", token, 1);
    (void)execl(program, "eider", "serve", "--listen", "127.0.0.1:0", "--data", data, (char *)NULL);
    _exit(127);
}

struct str cli_server_last_words(struct arena *arena, int log_fd, int64_t from, struct str *hint_out)
{
    char text[2048];
    off_t size = lseek(log_fd, 0, SEEK_END);
    off_t start = size - from > (off_t)sizeof(text) ? size - (off_t)sizeof(text) : from;
    ssize_t len = pread(log_fd, text, sizeof(text), start);
    struct str rest = len > 0 ? str_bytes(text, (size_t)len) : S(""), line, last = S("");
    *hint_out = S("");
    for (bool told = false; str_split_next(&rest, '\n', &line); told = told || str_starts_with(line, S("eider: "))) {
        if (str_trim(line).len > 0 && !told)
            last = str_trim(line);
        if (told && str_starts_with(line, S("hint: ")))
            *hint_out = str_copy(arena, str_from_index(line, 6));
    }
    return str_copy(arena, str_starts_with(last, S("eider: ")) ? str_from_index(last, 7) : last);
}

static bool start_failed(struct arena *arena, struct str data, int log_fd, struct err *err)
{
    struct str hint, line = cli_server_last_words(arena, log_fd, 0, &hint);
    (void)err_set(err, ERR_UNAVAILABLE, "no server is running, and a private one on %.*s did not start: %.*s",
                  STR_ARG(data), STR_ARG(line));
    return err_hint(err, "try `eider serve --data %.*s`", STR_ARG(data));
}

static bool wait_for_address(struct arena *arena, struct str data, struct cli_server *server, int log_fd,
                             struct err *err)
{
    int64_t deadline_us = clock_deadline_us(START_TIMEOUT_US);
    for (;;) {
        struct str address = cli_data_address(arena, data);
        pid_t pid = server->pid;
        struct str token = server->token;
        if (address.len > 0) {
            if (!parse_address(arena, address, server, err))
                return false;
            server->pid = pid;
            server->token = token;
            return true;
        }
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            server->pid = 0;
            return start_failed(arena, data, log_fd, err);
        }
        if (clock_now_us() > deadline_us) {
            cli_server_leave(server);
            return start_failed(arena, data, log_fd, err);
        }
        sleep_us(POLL_US);
    }
}

static bool start_private(struct arena *arena, struct str data, struct cli_server *server_out, struct err *err)
{
    char program[4096];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (len <= 0)
        return err_errno(err, "find the eider program");
    program[len] = '\0';
    int log_fd = memfd_create("eider-serve", MFD_CLOEXEC);
    if (log_fd < 0)
        return err_errno(err, "create a log for the private server");
    /* Nobody holds the lock, so an address that lies here is a dead server's. */
    (void)unlink(path_in(arena, data, ADDRESS_FILE).ptr);
    struct str token = random_hex(arena, 32);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        run_server(program, str_cstr(arena, data), token.ptr, log_fd, parent);
    struct cli_server server = {.pid = pid, .token = token};
    bool started =
        pid < 0 ? err_errno(err, "start a private server") : wait_for_address(arena, data, &server, log_fd, err);
    if (started)
        *server_out = server;
    else if (pid > 0)
        cli_server_leave(&server);
    (void)close(log_fd);
    return started;
}

bool cli_server_find(struct arena *arena, struct str url, struct str data, bool may_start,
                     struct cli_server *server_out, struct err *err)
{
    if (url.len == 0 && data.len == 0)
        url = environment("EIDER_URL");
    if (url.len > 0)
        return cli_url_parse(arena, url, server_out, err);
    /* A project has its own server, whoever else listens here. */
    bool is_project = access(config_path(), F_OK) == 0 && configured(arena, "tenant").len > 0;
    bool named = data.len > 0 || environment("EIDER_DATA").len > 0 || is_project;
    data = cli_data_directory(arena, data);
    bool locked = cli_data_is_locked(arena, data);
    if (!named && is_listening(DEFAULT_PORT)) {
        /* The user's own server says more: whether it speaks TLS, and how to know it. */
        bool is_own = locked && parse_address(arena, cli_data_address(arena, data), server_out, err);
        if (is_own && server_out->port == DEFAULT_PORT)
            return true;
        return cli_url_parse(arena, S(CLI_DEFAULT_URL), server_out, err);
    }
    if (locked) {
        struct str address = cli_data_address(arena, data);
        if (address.len > 0)
            return parse_address(arena, address, server_out, err);
        return err_set(err, ERR_UNAVAILABLE, "the server on %.*s is still starting or already stopping", STR_ARG(data));
    }
    if (may_start)
        return start_private(arena, data, server_out, err);
    if (is_project) {
        (void)err_set(err, ERR_UNAVAILABLE, "no server is running for this project");
        return err_hint(err, "start one with `eider start`, or name one with --url");
    }
    (void)err_set(err, ERR_UNAVAILABLE, "no server is running");
    return err_hint(err, "start one with `eider serve`, or name one with --url");
}

void cli_server_leave(struct cli_server *server)
{
    if (server->pid <= 0)
        return;
    (void)kill(server->pid, SIGTERM);
    int64_t deadline_us = clock_deadline_us((limits_get(LIMIT_DRAIN) + 10) * CLOCK_SECOND);
    while (waitpid(server->pid, NULL, WNOHANG) == 0) {
        if (clock_now_us() > deadline_us)
            (void)kill(server->pid, SIGKILL);
        sleep_us(POLL_US);
    }
    server->pid = 0;
}

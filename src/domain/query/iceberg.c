/* Which workers reach the Iceberg catalog. Loading DuckDB's extension costs 50 ms and 19 MB, and it cannot be loaded
 * later: so only workers of tenants that use Iceberg start with it. One that was started without is stopped, once it is
 * idle, for the first statement that needs it, and started again; whatever comes meanwhile waits. Sessions that keep
 * something in it would lose that: then the statement is refused instead. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/log.h"
#include "domain/catalog/catalog.h"
#include "domain/query/extension_sums.h"
#include "domain/query/query_priv.h"
#include "platform/net/digest.h"
#include "platform/net/work.h"
#include "platform/object/object.h"

/* --- The extensions' files, checked once, when they are first needed --- */

/* On a thread of the pool: the files have 80 MB. */
static void query_iceberg_check(struct work_job *job)
{
    struct query_iceberg *iceberg = list_object(job, struct query_iceberg, job);
    AUTO(arena) struct arena *arena = arena_new();
    iceberg->why = (struct err){0};
    for (size_t i = 0; i < sizeof(extension_sums) / sizeof(extension_sums[0]); i++) {
        struct str path =
            str_format(arena, "%.*s/%s.duckdb_extension", STR_ARG(iceberg->extensions), extension_sums[i].name);
        char sum[DIGEST_TEXT_BYTES + 1];
        if (!digest_file(path.ptr, sum, &iceberg->why)) {
            err_wrap(&iceberg->why, "the extension '%s'", extension_sums[i].name);
            return;
        }
        if (strcmp(sum, extension_sums[i].sum) == 0)
            continue;
        err_set(&iceberg->why, ERR_UNAVAILABLE,
                "the file of the extension '%s' is not the one that belongs to this program", extension_sums[i].name);
        err_hint(&iceberg->why, "install lib/eider/extensions again");
        return;
    }
}

static void query_iceberg_checked(struct work_job *job)
{
    struct query_iceberg *iceberg = list_object(job, struct query_iceberg, job);
    struct query *query = iceberg->query;
    iceberg->state = iceberg->why.code == ERR_OK ? QUERY_ICEBERG_READY : QUERY_ICEBERG_BROKEN;
    if (iceberg->state == QUERY_ICEBERG_BROKEN)
        log_error("iceberg.unavailable", LOG_ERR(&iceberg->why));
    query_start_waiting(query);
}

void query_iceberg_init(struct query *query, const struct query_options *options)
{
    struct query_iceberg *iceberg = &query->iceberg;
    iceberg->query = query;
    iceberg->catalog = options->catalog;
    iceberg->pool = options->pool;
    iceberg->url = str_copy(query->arena, options->catalog_url);
    iceberg->extensions = str_copy(query->arena, options->extensions);
    iceberg->job.run = query_iceberg_check;
    iceberg->job.done = query_iceberg_checked;
    list_init(&iceberg->job.node);
    if (iceberg->catalog && iceberg->extensions.len)
        return;
    iceberg->state = QUERY_ICEBERG_BROKEN;
    err_set(&iceberg->why, ERR_UNIMPLEMENTED,
            "this server has no Iceberg tables in SQL: DuckDB's extensions are not there");
    err_hint(&iceberg->why, "they belong in lib/eider/extensions beside the program");
}

/* --- What a worker needs --- */

bool query_iceberg_is_wanted(const struct query_tenant *side)
{
    const struct query_iceberg *iceberg = &side->query->iceberg;
    if (iceberg->state == QUERY_ICEBERG_BROKEN)
        return false;
    return side->needs_iceberg || catalog_is_used(iceberg->catalog, side->tenant->id);
}

bool query_iceberg_wait(struct query *query)
{
    struct query_iceberg *iceberg = &query->iceberg;
    if (iceberg->state == QUERY_ICEBERG_UNCHECKED) {
        iceberg->state = QUERY_ICEBERG_CHECKING;
        work_submit(iceberg->pool, &iceberg->job);
    }
    return iceberg->state == QUERY_ICEBERG_CHECKING;
}

/* The port in "http://host:4711/path"; without one it is the scheme's. 0: there is none. */
static uint32_t query_iceberg_port(struct str url)
{
    ptrdiff_t scheme = str_find(url, S("://"));
    struct str rest = scheme < 0 ? url : str_from_index(url, (size_t)scheme + 3), host, port;
    int64_t number;
    if (!str_split_next(&rest, '/', &host))
        return 0;
    ptrdiff_t colon = str_find_char(host, ':');
    port = colon < 0 ? S("") : str_from_index(host, (size_t)colon + 1);
    if (port.len)
        return str_to_i64(port, &number) && number > 0 && number < 65536 ? (uint32_t)number : 0;
    return str_starts_with(url, S("http://")) ? 80 : 443;
}

static void query_iceberg_add_port(struct channel_hello *hello, struct str url)
{
    uint32_t port = query_iceberg_port(url);
    if (port && hello->port_count < CHANNEL_PORTS_MAX)
        hello->ports[hello->port_count++] = port;
}

/* What finding a store by its name, and trusting it, reads. */
static void query_iceberg_network(struct arena *arena, struct channel_hello *hello)
{
    static const char *const paths[] = {
        "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf",
        "/etc/gai.conf",    "/etc/ssl",   "/etc/pki",           "/usr/share/ca-certificates"};
    size_t count = sizeof(paths) / sizeof(paths[0]);
    struct str *list = arena_array(arena, count, sizeof(*list));
    for (size_t i = 0; i < count; i++)
        list[i] = str_from(paths[i]);
    hello->read_paths = list;
    hello->read_path_count = count;
}

/* The directory with those above it: what is not there when a worker starts, it may not make. */
static bool query_iceberg_make(struct arena *arena, struct str path, struct err *err)
{
    char *text = str_cstr(arena, path);
    for (size_t i = 1; i <= path.len; i++) {
        if (i < path.len && text[i] != '/')
            continue;
        text[i] = '\0';
        if (mkdir(text, 0700) != 0 && errno != EEXIST)
            return err_errno(err, "make the directory of the tenant's warehouse");
        if (i < path.len)
            text[i] = '/';
    }
    return true;
}

bool query_iceberg_hello(struct query_tenant *side, struct arena *arena, struct channel_hello *hello, struct err *err)
{
    struct query_iceberg *iceberg = &side->query->iceberg;
    const struct catalog_warehouse *warehouse = catalog_warehouse_of(iceberg->catalog);
    struct str root = catalog_root(iceberg->catalog, side->tenant->id, arena);
    bool local = str_starts_with(root, S("file://"));
    hello->warehouse = local ? str_from_index(root, sizeof("file://") - 1) : root;
    if (local && !query_iceberg_make(arena, hello->warehouse, err))
        return false;
    catalog_pass_new(iceberg->catalog, side->tenant->id, side->pass);
    hello->catalog_pass = str_from(side->pass);
    hello->catalog_url = iceberg->url;
    hello->extensions = iceberg->extensions;
    query_iceberg_add_port(hello, iceberg->url);
    if (!local) {
        struct str endpoint = warehouse->s3 ? warehouse->s3->endpoint : S("");
        query_iceberg_add_port(hello, endpoint.len ? endpoint : S("https://amazon"));
        query_iceberg_network(arena, hello);
    }
    side->has_iceberg = true;
    return true;
}

void query_iceberg_end(struct query_tenant *side)
{
    if (side->pass[0])
        catalog_pass_end(side->query->iceberg.catalog, str_from(side->pass));
    side->pass[0] = '\0';
    side->has_iceberg = side->restarts = false;
}

/* --- A worker that was started without --- */

enum query_iceberg_way query_iceberg_ask(struct statement *statement, struct err *err)
{
    struct query_tenant *side = statement->side;
    const struct query_iceberg *iceberg = &side->query->iceberg;
    bool needs = statement->iceberg == STATEMENT_NEEDS_ICEBERG;
    if (iceberg->state == QUERY_ICEBERG_BROKEN && needs) {
        *err = iceberg->why;
        return QUERY_ICEBERG_REFUSE;
    }
    bool asks = needs || (statement->iceberg == STATEMENT_WANTS_ICEBERG && iceberg->state != QUERY_ICEBERG_BROKEN);
    side->needs_iceberg = side->needs_iceberg || asks;
    struct query_process *process = side->process;
    if (!process || process->state != QUERY_PROCESS_READY)
        return QUERY_ICEBERG_WAIT;
    if (side->restarts)
        return QUERY_ICEBERG_WAIT;
    bool wanted = statement->iceberg != STATEMENT_NO_ICEBERG && query_iceberg_is_wanted(side);
    if (side->has_iceberg || !(asks || wanted))
        return QUERY_ICEBERG_SEND;
    if (query_seats_are_kept(side)) {
        if (!needs)
            return QUERY_ICEBERG_SEND;
        err_set(err, ERR_PRECONDITION,
                "the tenant's worker was started before there were Iceberg tables, and sessions keep something in it");
        err_hint(err, "end their transactions, temporary tables and settings, or close them; then run this again");
        return QUERY_ICEBERG_REFUSE;
    }
    if (process->task_count && !asks)
        return QUERY_ICEBERG_SEND;
    side->restarts = true;
    query_iceberg_restart(side);
    return QUERY_ICEBERG_WAIT;
}

void query_iceberg_restart(struct query_tenant *side)
{
    struct query_process *process = side->process;
    if (!side->restarts || !process || process->state != QUERY_PROCESS_READY)
        return;
    if (query_seats_are_kept(side)) { /* by a statement that ran when this one came */
        side->restarts = false;
        query_send_waiting(side);
    } else if (process->task_count == 0) {
        query_process_stop(process);
    }
}

/* --- What the text makes and changes --- */

static bool query_iceberg_changes(struct statement *statement, const struct gate_changed *changed, struct err *err)
{
    struct str schema = changed->schema.len ? changed->schema : S("iceberg");
    if (!catalog_has(statement->query->iceberg.catalog, statement->side->tenant->id, schema, changed->name))
        return true;
    if (statement->changed_count == CHANNEL_CHANGED_MAX)
        return err_set(err, ERR_INVALID, "rows of more than %d Iceberg tables are changed in one text",
                       CHANNEL_CHANGED_MAX);
    AUTO(buf) struct buf name = {0};
    buf_append_quoted(&name, schema, '"');
    buf_append_char(&name, '.');
    buf_append_quoted(&name, changed->name, '"');
    statement->changed[statement->changed_count++] = str_copy(statement->arena, buf_str(&name));
    return true;
}

/* One name is on one side. */
bool query_iceberg_names(struct statement *statement, const struct gate_result *gate, struct err *err)
{
    struct catalog *catalog = statement->query->iceberg.catalog;
    struct str tenant = statement->side->tenant->id;
    for (size_t i = 0; catalog && i < gate->made_count; i++) {
        const struct gate_made *made = &gate->made[i];
        bool there = made->iceberg || (made->from.len && catalog_has(catalog, tenant, S("iceberg"), made->from));
        if (there && statement->absent_count == CHANNEL_ABSENT_MAX)
            return err_set(err, ERR_INVALID, "more than %d Iceberg tables are made in one text", CHANNEL_ABSENT_MAX);
        if (there)
            statement->absent[statement->absent_count++] = str_copy(statement->arena, made->name);
        else if (!query_iceberg_is_free(statement, made->name, err))
            return false;
    }
    for (size_t i = 0; catalog && i < gate->changed_count; i++)
        if (!query_iceberg_changes(statement, &gate->changed[i], err))
            return false;
    return true;
}

bool query_iceberg_is_free(const struct statement *statement, struct str name, struct err *err)
{
    struct catalog *catalog = statement->query->iceberg.catalog;
    struct str tenant = statement->side->tenant->id;
    if (!catalog || !catalog_has(catalog, tenant, S("iceberg"), name))
        return true;
    err_set(err, ERR_EXISTS, "an Iceberg table or view has this name already: %.*s.iceberg.%.*s", STR_ARG(tenant),
            STR_ARG(name));
    return err_hint(err, "a name is on one side only, so that it means one thing: choose another one");
}

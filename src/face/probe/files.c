/* The set is small and asked for seldom: each question walks over it. Its bytes are ours, so nothing can be malformed.
 */
#include "face/probe/files.h"

#include "face/flight/proto.h"
#include "probe_descriptors.h"

/* FileDescriptorSet, FileDescriptorProto, ServiceDescriptorProto. */
enum { PROBE_SET_FILE = 1 };
enum {
    PROBE_FILE_NAME = 1,
    PROBE_FILE_PACKAGE = 2,
    PROBE_FILE_DEPENDENCY = 3,
    PROBE_FILE_MESSAGE = 4,
    PROBE_FILE_ENUM = 5,
    PROBE_FILE_SERVICE = 6,
};
/* Of every declaration; what it holds (fields, nested messages and enums, methods, values) has numbers 2 to 4. */
enum { PROBE_DECLARED_NAME = 1, PROBE_DECLARED_FIRST = 2, PROBE_DECLARED_LAST = 4 };

/* The next field of this number. */
static bool probe_files_next(struct reader *reader, uint32_t number, struct str *bytes_out)
{
    struct flight_field field;
    while (flight_proto_next(reader, &field)) {
        if (field.number == number && field.wire == FLIGHT_WIRE_BYTES) {
            *bytes_out = field.bytes;
            return true;
        }
    }
    return false;
}

/* The first one; empty when there is none. */
static struct str probe_files_get(struct str message, uint32_t number)
{
    struct reader reader = reader_from(message);
    struct str bytes = {0};
    return probe_files_next(&reader, number, &bytes) ? bytes : S("");
}

static struct reader probe_files_all(void)
{
    return reader_from(str_bytes(probe_descriptors, sizeof(probe_descriptors)));
}

/* A declaration, or one inside it, has this name. */
static bool probe_files_declares(struct str declaration, struct str symbol)
{
    struct str first;
    str_split_next(&symbol, '.', &first);
    if (!str_equal(probe_files_get(declaration, PROBE_DECLARED_NAME), first))
        return false;
    if (symbol.len == 0)
        return true;
    struct reader reader = reader_from(declaration);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number >= PROBE_DECLARED_FIRST && field.number <= PROBE_DECLARED_LAST &&
            field.wire == FLIGHT_WIRE_BYTES && probe_files_declares(field.bytes, symbol))
            return true;
    }
    return false;
}

static bool probe_files_file_declares(struct str file, struct str symbol)
{
    struct str package = probe_files_get(file, PROBE_FILE_PACKAGE);
    if (!str_starts_with(symbol, package) || symbol.len <= package.len || symbol.ptr[package.len] != '.')
        return false;
    symbol = str_from_index(symbol, package.len + 1);
    struct reader reader = reader_from(file);
    struct flight_field field;
    while (symbol.len > 0 && flight_proto_next(&reader, &field)) {
        if (field.number >= PROBE_FILE_MESSAGE && field.number <= PROBE_FILE_SERVICE &&
            field.wire == FLIGHT_WIRE_BYTES && probe_files_declares(field.bytes, symbol))
            return true;
    }
    return false;
}

static bool probe_files_file_is(struct str file, struct str name)
{
    return str_equal(probe_files_get(file, PROBE_FILE_NAME), name);
}

/* The first file for which is_wanted holds. */
static bool probe_files_find(bool (*is_wanted)(struct str file, struct str text), struct str text, struct str *file_out)
{
    struct reader files = probe_files_all();
    while (probe_files_next(&files, PROBE_SET_FILE, file_out)) {
        if (is_wanted(*file_out, text))
            return true;
    }
    return false;
}

static bool probe_files_append(struct buf *buf, bool (*is_wanted)(struct str file, struct str text), struct str text)
{
    struct str file, import;
    if (!probe_files_find(is_wanted, text, &file))
        return false;
    flight_proto_put_item(buf, 1, file);
    struct reader reader = reader_from(file);
    while (probe_files_next(&reader, PROBE_FILE_DEPENDENCY, &import))
        probe_files_append(buf, probe_files_file_is, import);
    return true;
}

bool probe_files_by_name(struct buf *buf, struct str name)
{
    return probe_files_append(buf, probe_files_file_is, name);
}

bool probe_files_by_symbol(struct buf *buf, struct str symbol)
{
    return probe_files_append(buf, probe_files_file_declares, symbol);
}

bool probe_files_has_symbol(struct str symbol)
{
    struct str file;
    return probe_files_find(probe_files_file_declares, symbol, &file);
}

void probe_files_services(struct buf *buf)
{
    struct reader files = probe_files_all();
    struct str file, service;
    AUTO(buf) struct buf item = {0};
    while (probe_files_next(&files, PROBE_SET_FILE, &file)) {
        struct str package = probe_files_get(file, PROBE_FILE_PACKAGE);
        struct reader reader = reader_from(file);
        while (probe_files_next(&reader, PROBE_FILE_SERVICE, &service)) {
            struct str name = probe_files_get(service, PROBE_DECLARED_NAME);
            buf_clear(&item);
            writer_varint(&item, FLIGHT_TAG(1, FLIGHT_WIRE_BYTES));
            writer_varint(&item, package.len + 1 + name.len);
            buf_printf(&item, "%.*s.%.*s", STR_ARG(package), STR_ARG(name));
            flight_proto_put_item(buf, 1, buf_str(&item));
        }
    }
}

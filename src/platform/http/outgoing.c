#include "platform/http/outgoing.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* IPv4 as its IPv4-mapped IPv6 address (RFC 4291 2.5.5.2), so that there is one kind of range. */
struct outgoing_range {
    uint8_t address[16];
    unsigned bits;
};

struct http_outgoing {
    struct outgoing_range *allowed;
    size_t count;
};

/* RFC 6890 and its successors: what is not the public Internet. */
static const char *const outgoing_private[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",    "::/128",
    "::1/128",       "64:ff9b::/96",    "64:ff9b:1::/48", "100::/64",       "2001::/23",
    "2001:db8::/32", "2002::/16",       "fc00::/7",       "fe80::/10",      "ff00::/8",
};

static void outgoing_map_v4(uint8_t target[16], const void *v4)
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    memcpy(target, prefix, sizeof(prefix));
    memcpy(target + sizeof(prefix), v4, 4);
}

static bool outgoing_parse(struct str text, struct outgoing_range *range_out)
{
    char host[INET6_ADDRSTRLEN];
    uint8_t v4[4];
    ptrdiff_t slash = str_find_char(text, '/');
    struct str name = slash < 0 ? text : str_slice(text, 0, (size_t)slash);
    uint64_t bits = 0;
    if (name.len >= sizeof(host))
        return false;
    memcpy(host, name.ptr, name.len);
    host[name.len] = '\0';
    bool is_v4 = inet_pton(AF_INET, host, v4) == 1;
    if (is_v4)
        outgoing_map_v4(range_out->address, v4);
    else if (inet_pton(AF_INET6, host, range_out->address) != 1)
        return false;
    unsigned max = is_v4 ? 32 : 128;
    if (slash < 0)
        bits = max;
    else if (!str_to_u64(str_from_index(text, (size_t)slash + 1), &bits) || bits > max)
        return false;
    range_out->bits = (unsigned)bits + (is_v4 ? 96 : 0);
    return true;
}

static bool outgoing_contains(const struct outgoing_range *range, const uint8_t address[16])
{
    unsigned whole = range->bits / 8, rest = range->bits % 8;
    if (memcmp(range->address, address, whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff00u >> rest);
    return rest == 0 || (range->address[whole] & mask) == (address[whole] & mask);
}

const struct http_outgoing *http_outgoing_new(struct arena *arena, const struct str *allowed, size_t count,
                                              struct err *err)
{
    struct http_outgoing *outgoing = arena_new_object(arena, struct http_outgoing);
    outgoing->allowed = arena_alloc(arena, (count + 1) * sizeof(*outgoing->allowed));
    outgoing->count = count;
    for (size_t i = 0; i < count; i++) {
        if (outgoing_parse(allowed[i], &outgoing->allowed[i]))
            continue;
        err_set(err, ERR_INVALID, "'%.*s' is no range of addresses", STR_ARG(str_slice(allowed[i], 0, 64)));
        err_hint(err, "like 10.0.0.0/8, 192.168.1.7 or fd00::/8");
        return NULL;
    }
    return outgoing;
}

bool http_outgoing_allows(const struct http_outgoing *outgoing, const struct sockaddr *address)
{
    uint8_t bytes[16];
    struct outgoing_range range;
    if (address->sa_family == AF_INET)
        outgoing_map_v4(bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr);
    else if (address->sa_family == AF_INET6)
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, sizeof(bytes));
    else
        return false;
    for (size_t i = 0; i < outgoing->count; i++)
        if (outgoing_contains(&outgoing->allowed[i], bytes))
            return true;
    for (size_t i = 0; i < sizeof(outgoing_private) / sizeof(outgoing_private[0]); i++)
        if (!outgoing_parse(str_from(outgoing_private[i]), &range) || outgoing_contains(&range, bytes))
            return false;
    return true;
}

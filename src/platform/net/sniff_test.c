#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "platform/net/sniff.h"

#define BYTES(literal)                 \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }

static const struct {
    struct str bytes;
    enum sniff_protocol protocol;
} rows[] = {
    {BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), SNIFF_HTTP2},
    {BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4"), SNIFF_HTTP2},
    {BYTES("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"), SNIFF_UNKNOWN},
    {BYTES("GET / HTTP/1.1\r\n"), SNIFF_HTTP1},
    {BYTES("POST /x"), SNIFF_HTTP1},
    {BYTES("DELETE /x"), SNIFF_HTTP1},
    {BYTES("\r\nGET /"), SNIFF_HTTP1},
    {BYTES("get / HTTP/1.1"), SNIFF_UNKNOWN},
    {BYTES("GETX / HTTP/1.1"), SNIFF_UNKNOWN},
    {BYTES("SSH-2.0-OpenSSH"), SNIFF_UNKNOWN},
    {BYTES("\x16\x03\x01\x02\x00\x01"), SNIFF_TLS},
    {BYTES("\x16\x04"), SNIFF_UNKNOWN},
    {BYTES("\0\0\0\x08\x04\xd2\x16\x2f"), SNIFF_POSTGRES_SSL},
    {BYTES("\0\0\0\x09\x04\xd2\x16\x2f"), SNIFF_UNKNOWN},
    {BYTES("\0\0\0\x08\x04\xd2\x16\x30"), SNIFF_POSTGRES_GSS},
    {BYTES("\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\0"), SNIFF_POSTGRES_CANCEL},
    {BYTES("\0\0\0\x20\0\x03\0\0user"), SNIFF_POSTGRES_STARTUP},
    {BYTES("\0\0\0\x20\0\x03\0\x02user"), SNIFF_POSTGRES_STARTUP},
    {BYTES("\0\0\0\x20\0\x02\0\0user"), SNIFF_UNKNOWN},
    {BYTES("\0\0\x40\0\0\x03\0\0user"), SNIFF_UNKNOWN},
    {BYTES("\0\x01"), SNIFF_UNKNOWN},
    {BYTES(""), SNIFF_MORE},
};

static void sniff_knows_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(sniff_protocol(rows[i].bytes), rows[i].protocol);
}

/* However the bytes are cut, a shorter piece either waits or gives the same answer. */
static void sniff_never_changes_its_mind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t len = 0; len < rows[i].bytes.len; len++) {
            enum sniff_protocol early = sniff_protocol(str_slice(rows[i].bytes, 0, len));
            assert_true(early == SNIFF_MORE || early == rows[i].protocol);
            assert_true(len < SNIFF_BYTES_MAX || early != SNIFF_MORE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sniff_knows_the_table),
        cmocka_unit_test(sniff_never_changes_its_mind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a parsed value looks like: json_read.c makes them, json.c answers for them. */
#pragma once
#include "platform/json/json.h"

struct json {
    enum json_kind kind;
    size_t count; /* of items or members; bytes of a text */
    union {
        bool boolean;
        int64_t number;
        double real;
        const char *text; /* NUL-terminated */
        const struct json *items;
        const struct json_member *members;
    };
};

struct json_member {
    struct str key; /* NUL-terminated */
    struct json value;
};

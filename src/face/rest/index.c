/* What a browser shows that opens the address: what this is, and where to go. */
#include "face/rest/rest_priv.h"

void rest_index_get(struct rest_exchange *exchange)
{
    static const char page[] =
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>eider</title></head>\n<body>\n"
        "<h1>eider</h1>\n"
        "<p>A lakehouse in one program. This port speaks Arrow Flight (gRPC) and HTTP.</p>\n<ul>\n"
        "<li><a href=\"/health\">/health</a></li>\n"
        "<li><a href=\"/metrics\">/metrics</a>, Prometheus text</li>\n"
        "<li><a href=\"/api/v1/tenants\">/api/v1/tenants</a></li>\n"
        "<li><a href=\"/api/v1/statements\">/api/v1/statements</a>, running and recent</li>\n"
        "<li><a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>, all of the HTTP interface</li>\n"
        "</ul>\n</body></html>\n";
    rest_answer(exchange, 200, S("text/html; charset=utf-8"), str_from(page), NULL, 0);
}
